//! The iOS app: its modules are tested with Swift on Linux, and the types of its screens checked; Xcode builds the rest.

use crate::bindings::swift;
use crate::shell::{Outcome, root};

use super::out;

/// Tests the logic, and checks the types of what needs Apple's frameworks.
pub fn test() -> Outcome {
    let project = root().join("mobile/ios");
    swift(&project.join("PointOfCare"), "swift-app", &["test", "-c", "release"])?;
    let modules = out().join("swift-types").to_string_lossy().into_owned();
    swift(&project, "swift-app", &["bash", "typecheck.sh", &modules])
}
