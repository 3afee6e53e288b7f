//! Running commands where everyone can see them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

/// A chore's result.
pub type Outcome = Result<(), String>;

/// The top of the repository, as cargo says where it runs this program from: a target directory may outlive the
/// clone that the program was compiled in.
pub fn root() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let top = folder.as_deref().and_then(|crate_folder| crate_folder.ancestors().nth(2));
    top.unwrap_or(Path::new(".")).to_path_buf()
}

/// Prints and runs a command at the top of the repository.
pub fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    run_in(&root(), program, arguments, environment)
}

/// Prints and runs a command in a folder.
pub fn run_in(
    folder: &Path,
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Outcome {
    eprintln!("$ {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .status()
        .map_err(|e| format!("{program} cannot be started: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{program} ended with {status}")) }
}

/// A chore that may run beside others.
pub type Job<'a> = &'a (dyn Fn() -> Outcome + Sync);

/// Runs jobs side by side, as many at once as there are cores, in the order given: whole-program optimisation keeps a
/// single core busy for minutes.
pub fn side_by_side(jobs: &[Job]) -> Outcome {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            // After a failure nothing new begins.
            job().inspect_err(|_| next.store(jobs.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let cores = available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("a job returns its errors"))
    })
}

/// Has rustup install something, one at a time.
pub fn rustup(kind: &str, name: &str) -> Outcome {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    run("rustup", &[kind, "add", name], &[])
}

/// What a command prints.
pub fn output(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.map_err(|e| format!("{program} cannot be started: {e}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{program} ended with {}: {said}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether a command succeeds, in silence.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Installs Debian packages for the files that are missing, where that can be done: `(file, package)` each.
pub fn debian_packages(wanted: &[(&str, &str)]) -> Outcome {
    let missing = wanted.iter().filter(|(file, _)| !Path::new(file).exists());
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !succeeds("sh", &["-c", "command -v apt-get && test \"$(id -u)\" = 0"]) {
        eprintln!(
            "skipped: {} missing and no way to install; their tests will say so",
            missing.join(", ")
        );
        return Ok(());
    }
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    run("apt-get", &["update"], &[])?;
    run("apt-get", &[&["install", "-y", "--no-install-recommends"][..], &missing].concat(), &quiet)
}
