//! The `mcdrl` command: one file per subcommand.

mod calibrate;
mod clip_source;
mod confound;
mod dashboard;
mod demo;
mod dictionary;
mod dictionary_edit;
mod embed;
mod error;
mod evaluate;
mod foundation_source;
mod import;
mod impose;
mod in_order;
mod inputs;
mod inspect;
mod loso;
mod maps;
mod output;
mod picture;
mod pretrain;
mod segment;
mod serve;
mod synth;
mod train;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::tell;

/// Medical image segmentation that keeps working at the next hospital. A research demonstration, not for
/// clinical use.
#[derive(Parser)]
#[command(name = "mcdrl", version, arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Synth(synth::Synth),
    Impose(impose::Impose),
    Confound(confound::Confound),
    Pretrain(pretrain::Pretrain),
    Embed(embed::Embed),
    Dictionary(dictionary::Dictionary),
    Train(train::Train),
    Calibrate(calibrate::Calibrate),
    Evaluate(evaluate::Evaluate),
    Loso(loso::Loso),
    Segment(segment::Segment),
    Inspect(inspect::Inspect),
    Import(import::Import),
    Serve(serve::Serve),
}

fn main() -> ExitCode {
    let command = Command::parse();
    survive_size_limits();
    let result = match command.verb {
        Verb::Demo(verb) => verb.run(),
        Verb::Synth(verb) => verb.run(),
        Verb::Impose(verb) => verb.run(),
        Verb::Confound(verb) => verb.run(),
        Verb::Pretrain(verb) => verb.run(),
        Verb::Embed(verb) => verb.run(),
        Verb::Dictionary(verb) => verb.run(),
        Verb::Train(verb) => verb.run(),
        Verb::Calibrate(verb) => verb.run(),
        Verb::Evaluate(verb) => verb.run(),
        Verb::Loso(verb) => verb.run(),
        Verb::Segment(verb) => verb.run(),
        Verb::Inspect(verb) => verb.run(),
        Verb::Import(verb) => verb.run(),
        Verb::Serve(verb) => verb.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell!("mcdrl: {failure}");
            failure.exit_code()
        }
    }
}

/// A write beyond the limit of `ulimit -f` becomes an error. By default, a signal ends the process in the middle of a file.
fn survive_size_limits() {
    #[cfg(unix)]
    {
        let signal = signal_hook::consts::SIGXFSZ;
        // Without the handler the process ends, as it would without this line.
        let _ = signal_hook::flag::register(signal, Default::default());
    }
}
