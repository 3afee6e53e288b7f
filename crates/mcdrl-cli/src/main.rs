//! The `mcdrl` command: every verb is one file.

mod clip_source;
mod error;
mod output;
mod pretrain;
mod synth;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};


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
    Synth(synth::Synth),
    Pretrain(pretrain::Pretrain),
    Train(train::Train),
}

fn main() -> ExitCode {
    let command = Command::parse();
    let result = match command.verb {
        Verb::Synth(verb) => verb.run(),
        Verb::Pretrain(verb) => verb.run(),
        Verb::Train(verb) => verb.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mcdrl: {failure}");
            failure.exit_code()
        }
    }
}
