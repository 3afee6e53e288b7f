//! All faults of a configuration, as sentences.

use garde::Validate;

/// The faults of a configuration: the path of each wrong value and its fault.
pub fn faults_of<T: Validate<Context = ()>>(config: &T) -> Vec<String> {
    let Err(report) = config.validate() else { return Vec::new() };
    report.iter().map(|(path, error)| format!("`{path}`: {error}")).collect()
}
