//! What every verb shares: the device, the way of printing, and how progress is shown.

use std::fmt::Arguments;
use std::io::{IsTerminal, Write};

use clap::Args;
use mcdrl::DeviceChoice;
use mcdrl::train::{Lines, Progress};

use crate::dashboard::Dashboard;

/// Options of every verb.
#[derive(Args)]
pub struct Common {
    /// Where to compute: auto, cpu or gpu.
    #[arg(long, default_value_t)]
    device: DeviceChoice,
    /// Print JSON for machines.
    #[arg(long)]
    pub json: bool,
}

impl Common {
    /// The chosen device.
    pub fn device(&self) -> DeviceChoice {
        self.device
    }
}

/// How a long run is shown: a dashboard on a terminal, lines elsewhere.
pub fn progress() -> Box<dyn Progress> {
    if std::io::stderr().is_terminal()
        && let Ok(dashboard) = Dashboard::open()
    {
        return Box::new(dashboard);
    }
    Box::new(Lines::default())
}

/// A counter that overwrites itself on a terminal and is silent elsewhere.
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

/// A line on standard output.
macro_rules! say {
    ($($words:tt)*) => { $crate::output::write_line(&mut std::io::stdout(), format_args!($($words)*)) };
}

/// A line on standard error.
macro_rules! tell {
    ($($words:tt)*) => { $crate::output::write_line(&mut std::io::stderr(), format_args!($($words)*)) };
}

pub(crate) use {say, tell};

/// Writes a line, if anyone still reads: work does not stop because a pipe or a terminal was closed.
pub fn write_line(to: &mut dyn Write, line: Arguments<'_>) {
    let _ = writeln!(to, "{line}");
}
