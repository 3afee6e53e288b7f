//! The shared parts of the subcommands: common options, printing, progress.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};

use clap::Args;
use mcdrl::train::{Lines, Progress};
use mcdrl::{DeviceChoice, DeviceInfo, OpenOptions};

use crate::dashboard::Dashboard;

/// Prints a line to standard output.
macro_rules! say {
    ($($words:tt)*) => { $crate::output::write_line(&mut std::io::stdout(), format_args!($($words)*)) };
}

/// Prints a line to standard error.
macro_rules! tell {
    ($($words:tt)*) => { $crate::output::write_line(&mut std::io::stderr(), format_args!($($words)*)) };
}

pub(crate) use {say, tell};

/// Options of every subcommand.
#[derive(Args)]
pub struct Common {
    /// The device that computes: auto, cpu or gpu.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Print machine-readable JSON.
    #[arg(long)]
    pub json: bool,
}

impl Common {
    /// Options that open the chosen device.
    pub fn open_options(&self) -> OpenOptions<'static> {
        OpenOptions::on(self.device)
    }
}

/// Prints the reason why a GPU is not used.
pub fn tell_fallback(device: &DeviceInfo) {
    if device.is_fallback() {
        tell!("mcdrl: runs on {device}");
    }
}

/// Shows the progress of a long run: as a dashboard on a terminal, as lines elsewhere.
pub fn progress() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal()
        && let Ok(dashboard) = Dashboard::open()
    {
        return Box::new(dashboard);
    }
    Box::new(Lines::default())
}

/// A counter that overwrites itself on a terminal. Elsewhere it is silent.
pub fn counter(what: &str, total: usize) -> impl Fn(usize) + Sync + use<> {
    let what = what.to_owned();
    let terminal = std::io::stderr().is_terminal();
    move |done| {
        if terminal {
            let end = if done == total { "\n" } else { "" };
            let _ = write!(std::io::stderr(), "\r{what} {done}/{total}{end}");
        }
    }
}

/// Writes a line. A closed pipe or terminal does not stop the work.
pub fn write_line(to: &mut dyn Write, line: Arguments<'_>) {
    let _ = writeln!(to, "{line}");
}
