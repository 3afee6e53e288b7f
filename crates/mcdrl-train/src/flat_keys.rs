//! The flat keys of old configuration files, and their new names.

use crate::{Error, Result};

/// Old key and new key.
const MOVED: [(&str, &str); 18] = [
    ("alpha", "model.run.selection.alpha"),
    ("average_decay", "optimizer.ema_decay"),
    ("batch_size", "data.batch_size"),
    ("clip_norm", "optimizer.clip_norm"),
    ("dense", "model.run.dense"),
    ("epoch_images", "data.epoch_images"),
    ("epochs", "schedule.epochs"),
    ("head_width", "model.head.width"),
    ("input_size", "model.input_size"),
    ("intervene", "model.run.intervention.enabled"),
    ("intervention_layers", "model.intervention.attention.layers"),
    ("learning_rate", "optimizer.learning_rate"),
    ("patience", "schedule.patience"),
    ("select_regions", "model.run.selection.enabled"),
    ("site_balance", "data.site_balance"),
    ("validation", "data.validation"),
    ("warm_up", "schedule.intervention_start_epoch"),
    ("weight_decay", "optimizer.weight_decay"),
];

/// Refuses a configuration with flat keys and gives the new name of each.
///
/// # Errors
/// [`Error::Config`] with all of them.
pub fn explain_flat_keys(stated: &toml::Table) -> Result<()> {
    let moved = MOVED.iter().filter(|(old, _)| stated.contains_key(*old));
    let moved: Vec<String> = moved.map(|(old, new)| format!("`{old}` is now `{new}`")).collect();
    if moved.is_empty() {
        return Ok(());
    }
    let moved = moved.join(", ");
    Err(Error::Config(format!("the training configuration has keys of an older version: {moved}")))
}
