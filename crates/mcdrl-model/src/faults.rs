//! Faults in configurations, as sentences, all at once.

use garde::Validate;

/// The faults of a configuration: the path of each value and what is wrong with it.
pub fn faults_of<T: Validate<Context = ()>>(config: &T) -> Vec<String> {
    let Err(report) = config.validate() else { return Vec::new() };
    report.iter().map(|(path, error)| format!("`{path}`: {error}")).collect()
}
