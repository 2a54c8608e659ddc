//! A child process of the devnet: started with its output in a log file, ended by SIGTERM, or by SIGKILL when a story wants a crash.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a process may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// A running child; it is killed when this value is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

/// The folder that holds the workspace's binaries: the one of the running program, or its parent for a test.
///
/// # Errors
/// When the running program's path is unknown.
pub fn binaries_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("the path of the running program is unknown")?;
    let dir = exe
        .parent()
        .context("the running program has no folder")?
        .to_path_buf();
    if dir.ends_with("deps") {
        return Ok(dir.parent().context("deps has no parent")?.to_path_buf());
    }
    Ok(dir)
}

/// The path of one of the workspace's binaries, which must have been built.
///
/// # Errors
/// When it is not there.
pub fn binary(name: &str) -> Result<PathBuf> {
    let path = binaries_dir()?.join(name);
    if !path.is_file() {
        bail!(
            "{} is missing: build it first with `cargo build --workspace --bins`",
            path.display()
        );
    }
    Ok(path)
}

impl Process {
    /// Starts `program` with `args`; both output streams are appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn start(name: &str, program: &Path, args: &[String], log: &Path) -> Result<Self> {
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("open {}", log.display()))?;
        let err = out.try_clone()?;
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        Ok(Self {
            name: name.to_owned(),
            log: log.to_path_buf(),
            child,
        })
    }

    /// The name it was started under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it still runs; an error tells how it ended and the last lines it wrote.
    ///
    /// # Errors
    /// When it has ended.
    pub fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "{} ended ({status}); its last lines:\n{}",
                self.name,
                tail(&self.log, 15)
            );
        }
        Ok(())
    }

    /// SIGKILL: the crash of a story. Returns when the process is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(mut self) -> Result<()> {
        self.child
            .kill()
            .await
            .with_context(|| format!("kill {}", self.name))
    }

    /// SIGTERM, then SIGKILL after a grace time. Returns whether it ended by itself.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn stop(mut self) -> Result<bool> {
        let Some(id) = self.child.id() else {
            return Ok(true);
        };
        let pid = i32::try_from(id)
            .ok()
            .and_then(Pid::from_raw)
            .context("a process id out of range")?;
        // The process may end between the look and the signal; that is what was wanted.
        if kill_process(pid, Signal::TERM).is_err() {
            return Ok(true);
        }
        if let Ok(status) = timeout(GRACE, self.child.wait()).await {
            status?;
            return Ok(true);
        }
        self.child.kill().await?;
        Ok(false)
    }
}

/// The last `lines` lines of a log, for an error message.
#[must_use]
pub fn tail(log: &Path, lines: usize) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    all.get(from..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, log: &Path) -> Process {
        let args = ["-c".to_owned(), script.to_owned()];
        Process::start("sh", Path::new("/bin/sh"), &args, log).unwrap()
    }

    #[tokio::test]
    async fn a_process_that_ends_is_reported_with_its_last_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut p = sh("echo first; echo last words >&2; exit 3", &log);
        p.child.wait().await.unwrap();
        let text = p.check().unwrap_err().to_string();
        assert!(
            text.contains("last words") && text.contains('3'),
            "the message was: {text}"
        );
    }

    #[tokio::test]
    async fn stop_asks_first() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let p = sh(
            "trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.05; done",
            &log,
        );
        while tail(&log, 5).is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(p.stop().await.unwrap(), "it ended by itself");
        assert!(tail(&log, 5).contains("asked"), "it was asked to end");
    }
}
