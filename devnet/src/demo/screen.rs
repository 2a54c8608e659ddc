//! What the demo shows: numbered steps, facts, a table at the end.

use std::io::Write as _;
use std::time::Instant;

use anyhow::Result;

/// The screen of a demo run.
#[derive(Debug)]
pub struct Screen {
    started: Instant,
    step: usize,
    failures: Vec<String>,
}

impl Screen {
    /// A screen whose clock starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            step: 0,
            failures: Vec::new(),
        }
    }

    /// A numbered headline with the time since the start.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn step(&mut self, text: &str) -> Result<()> {
        self.step += 1;
        let at = self.started.elapsed().as_secs();
        line(&format!("\n[{at:>3} s] {}. {text}", self.step))
    }

    /// Something seen.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn fact(&self, text: &str) -> Result<()> {
        line(&format!("         {text}"))
    }

    /// Something that must hold; the demo goes on and fails at its end when it does not.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn claim(&mut self, holds: bool, text: &str) -> Result<()> {
        if !holds {
            self.failures.push(text.to_owned());
        }
        line(&format!(
            "   {} {text}",
            if holds { "ok   " } else { "FALSE" }
        ))
    }

    /// A table of two columns.
    ///
    /// # Errors
    /// When nothing can be written.
    pub fn table(&self, rows: &[(String, String)]) -> Result<()> {
        let width = rows
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        rows.iter()
            .try_for_each(|(name, value)| line(&format!("   {name:<width$}  {value}")))
    }

    /// Seconds since the start.
    #[must_use]
    pub fn elapsed_s(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    /// What did not hold.
    #[must_use]
    pub fn failures(&self) -> &[String] {
        &self.failures
    }
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

/// One line on standard output.
///
/// # Errors
/// When nothing can be written.
pub fn line(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}
