//! The shared parts of the subcommands: common options, printing, progress.

use std::fmt::Arguments;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use mcdrl::data::Dataset;
use mcdrl::train::{Lines, Progress};
use mcdrl::{DeviceChoice, DeviceInfo, OpenOptions};

use crate::dashboard::Dashboard;
use crate::error::Outcome;

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

/// A progress bar with rate and remaining time. It is shown on a terminal alone.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar for `total` steps, of which `done` are done already.
    pub fn new(what: &str, total: usize, done: usize) -> Self {
        let style = format!("{what} {{pos}}/{{len}}  {{wide_bar}}  {{per_sec}}  {{eta}} left");
        let style = ProgressStyle::with_template(&style).expect("a valid template");
        let bar = ProgressBar::new(total as u64).with_style(style).with_position(done as u64);
        bar.reset_eta();
        Self(bar)
    }

    /// There are more steps than it seemed.
    pub fn grow(&self, steps: usize) {
        self.0.inc_length(steps as u64);
    }

    /// The number of all steps.
    pub fn length(&self) -> u64 {
        self.0.length().unwrap_or_default()
    }

    /// One step is done.
    pub fn step(&self) {
        self.0.inc(1);
    }

    /// Prints a line to standard error, above the bar.
    pub fn tell(&self, line: Arguments<'_>) {
        self.0.suspend(|| write_line(&mut std::io::stderr(), line));
    }

    /// Prints a line to standard output, above the bar. A reader that has gone away is no error.
    pub fn say(&self, line: Arguments<'_>) -> std::io::Result<()> {
        let written = self.0.suspend(|| writeln!(std::io::stdout(), "{line}"));
        written.or_else(|error| match error.kind() {
            ErrorKind::BrokenPipe => Ok(()),
            _ => Err(error),
        })
    }

    /// Removes the bar from the terminal.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// A progress bar that is told how many steps are done.
pub fn counter(what: &str, total: usize) -> impl Fn(usize) + Sync + use<> {
    let bar = Bar::new(what, total, 0);
    move |done| bar.0.set_position(done as u64)
}

/// Opens dataset folders as one, and prints the remarks about them.
pub fn open_datasets(paths: &[PathBuf]) -> Outcome<Dataset> {
    let dataset = Dataset::open_all(paths)?;
    tell_warnings(&dataset);
    Ok(dataset)
}

/// Prints the remarks about a dataset that were made since the last call.
pub fn tell_warnings(dataset: &Dataset) {
    for warning in dataset.warnings.take() {
        tell!("mcdrl: warning: {warning}");
    }
}

/// Writes a line. A closed pipe or terminal does not stop the work.
pub fn write_line(to: &mut dyn Write, line: Arguments<'_>) {
    let _ = writeln!(to, "{line}");
}
