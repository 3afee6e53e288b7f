//! What every verb shares: the device, the way of printing, and how progress is shown.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use mcdrl::DeviceChoice;
use mcdrl::train::{Lines, Progress};

use crate::dashboard::Dashboard;

/// Options of every verb.
#[derive(Args)]
pub struct Common {
    /// Where to compute.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceName,
    /// Print JSON for machines.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum DeviceName {
    Auto,
    Cpu,
    Gpu,
}

impl Common {
    /// The chosen device.
    pub fn device(&self) -> DeviceChoice {
        match self.device {
            DeviceName::Auto => DeviceChoice::Auto,
            DeviceName::Cpu => DeviceChoice::Cpu,
            DeviceName::Gpu => DeviceChoice::Gpu,
        }
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
            eprint!("\r{what} {done}/{total}{}", if done == total { "\n" } else { "" });
        }
    }
}
