//! Measures several things in turns, so that what disturbs the machine for a while disturbs all of them.

use std::error::Error;
use std::time::Instant;

use crate::measure::processor_seconds;

/// What one run took, in seconds.
#[derive(Clone, Copy)]
pub struct Spent {
    /// On the clock.
    pub clock: f64,
    /// Of the processor, all threads, in steps of a hundredth.
    pub processor: f64,
}

/// Something to measure.
pub type Work<'a> = &'a mut dyn FnMut() -> Result<(), Box<dyn Error>>;

/// The median of `rounds` rounds, in each of which everything runs once; `warm_up` rounds go before, uncounted.
pub fn medians<const N: usize>(
    warm_up: usize,
    rounds: usize,
    mut works: [Work<'_>; N],
) -> Result<[Spent; N], Box<dyn Error>> {
    let mut spent: [Vec<Spent>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..warm_up + rounds {
        for (work, spent) in works.iter_mut().zip(&mut spent) {
            let (start, processor) = (Instant::now(), processor_seconds()?);
            work()?;
            if round >= warm_up {
                spent.push(Spent {
                    clock: start.elapsed().as_secs_f64(),
                    processor: processor_seconds()? - processor,
                });
            }
        }
    }
    Ok(spent.map(|spent| Spent {
        clock: median(spent.iter().map(|spent| spent.clock)),
        processor: median(spent.iter().map(|spent| spent.processor)),
    }))
}

/// The middle one.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
