//! Progress on a terminal.

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use cairn_client::{Progress, Stage};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// One bar a stage; silent where standard error is no terminal.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<Stage, ProgressBar>>,
}

impl Progress for Bars {
    fn begin(&self, stage: Stage, total: Option<u64>) {
        let bar = self.all.add(match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        });
        bar.set_style(style(stage, total.is_some()));
        bar.set_prefix(label(stage));
        self.with(|bars| bars.insert(stage, bar));
    }

    fn advance(&self, stage: Stage, units: u64) {
        self.with(|bars| {
            if let Some(bar) = bars.get(&stage) {
                bar.inc(units);
            }
        });
    }

    fn end(&self, stage: Stage) {
        if let Some(bar) = self.with(|bars| bars.remove(&stage)) {
            bar.finish();
        }
    }

    fn note(&self, text: &str) {
        // Above the bars; on standard error also where that is no terminal.
        self.all.suspend(|| {
            // nothing is left to do when standard error is closed
            drop(writeln!(std::io::stderr(), "cairn: {text}"));
        });
    }
}

impl Bars {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<Stage, ProgressBar>) -> T) -> T {
        act(&mut self.bars.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn label(stage: Stage) -> &'static str {
    match stage {
        Stage::Encode => "encode  ",
        Stage::Upload => "upload  ",
        Stage::Check => "check   ",
        Stage::Activate => "activate",
        Stage::Download => "download",
        Stage::Fetch => "fetch   ",
        Stage::Rebuild => "rebuild ",
    }
}

fn style(stage: Stage, bounded: bool) -> ProgressStyle {
    let template = match (stage, bounded) {
        (Stage::Activate, _) => "{prefix} {wide_bar} {pos}/{len} slots {elapsed}",
        (_, true) => "{prefix} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}",
        (_, false) => "{prefix} {spinner} {bytes} {bytes_per_sec}",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
