//! The training dashboard on a terminal: one line per epoch, and below it the progress and the curves.

use std::io::{Stderr, stderr};
use std::time::{Duration, Instant};

use mcdrl::train::{EpochRecord, Progress};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Widget};
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};

const HEIGHT: u16 = 14;

/// The shortest time between two redraws.
const PAUSE: Duration = Duration::from_millis(120);

/// Shows the progress of a training run.
pub struct Dashboard {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    started: Instant,
    drawn: Option<Instant>,
    state: State,
}

#[derive(Default)]
struct State {
    epoch: usize,
    epochs: usize,
    step: usize,
    steps: usize,
    loss: Vec<(f64, f64)>,
    dice: Vec<(f64, f64)>,
}

impl Dashboard {
    /// Opens the dashboard on the lower lines of the terminal.
    ///
    /// # Errors
    /// If the terminal cannot be drawn on.
    pub fn open() -> std::io::Result<Self> {
        let options = TerminalOptions { viewport: Viewport::Inline(HEIGHT) };
        let terminal = Terminal::with_options(CrosstermBackend::new(stderr()), options)?;
        Ok(Self { terminal, started: Instant::now(), drawn: None, state: State::default() })
    }

    /// Ignores errors, because a closed terminal must not end a run of hours.
    fn draw(&mut self) {
        let state = &self.state;
        let _ = self.terminal.draw(|frame| state.draw(frame));
        self.drawn = Some(Instant::now());
    }

    fn say(&mut self, line: String) {
        let line = Paragraph::new(Line::from(line));
        let _ = self.terminal.insert_before(1, |buffer| line.render(buffer.area, buffer));
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        let _ = self.terminal.clear();
        let _ = self.terminal.show_cursor();
    }
}

impl Progress for Dashboard {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f32) {
        let state = &mut self.state;
        (state.epoch, state.step, state.steps) = (epoch, step, steps);
        let place = (epoch - 1) as f64 + step as f64 / steps as f64;
        state.loss.push((place, f64::from(loss)));
        if self.drawn.is_none_or(|drawn| drawn.elapsed() > PAUSE) {
            self.draw();
        }
    }

    fn epoch(&mut self, record: &EpochRecord, epochs: usize) {
        self.state.epochs = epochs;
        if let Some(dice) = record.validation_dice {
            self.state.dice.push((record.epoch as f64, f64::from(dice)));
        }
        self.say(format!(
            "epoch {:>3}/{epochs}  loss {:.4}  validation dice {}  {:.0} s",
            record.epoch,
            record.loss,
            record.validation_dice.map_or("–".into(), |dice| format!("{dice:.4}")),
            self.started.elapsed().as_secs_f32()
        ));
        self.draw();
    }

    fn readout(&mut self, epoch: usize, epochs: usize, loss: f32) {
        let seconds = self.started.elapsed().as_secs_f32();
        self.say(format!("read-out {epoch:>3}/{epochs}  loss {loss:.4}  {seconds:.0} s"));
    }
}

impl State {
    fn draw(&self, frame: &mut Frame<'_>) {
        let [top, bottom] =
            Layout::vertical([Constraint::Length(3), Constraint::Min(6)]).areas(frame.area());
        let ratio = self.step as f64 / self.steps.max(1) as f64;
        let total = if self.epochs == 0 { "…".to_owned() } else { self.epochs.to_string() };
        let label = format!("epoch {}/{total}, step {}/{}", self.epoch, self.step, self.steps);
        let gauge = Gauge::default()
            .block(Block::bordered().title("training"))
            .gauge_style(Style::default().fg(Color::Cyan))
            .ratio(ratio.clamp(0.0, 1.0))
            .label(label);
        frame.render_widget(gauge, top);
        let [left, right] = Layout::horizontal([Constraint::Percentage(50); 2]).areas(bottom);
        curve(frame, left, "loss", &self.loss, Color::Yellow);
        curve(frame, right, "validation dice", &self.dice, Color::Green);
    }
}

fn curve(frame: &mut Frame<'_>, area: Rect, title: &str, points: &[(f64, f64)], color: Color) {
    let high = points.iter().map(|point| point.1).fold(1e-3, f64::max);
    let end = points.last().map_or(1.0, |point| point.0.max(1.0));
    let data = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(Style::default().fg(color))
        .data(points);
    let chart = Chart::new(vec![data])
        .block(Block::bordered().title(title))
        .x_axis(Axis::default().bounds([0.0, end]))
        .y_axis(Axis::default().bounds([0.0, high]).labels(["0".into(), format!("{high:.2}")]));
    frame.render_widget(chart, area);
}
