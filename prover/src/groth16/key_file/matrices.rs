//! The matrices' section: they are the larger part of laying a circuit out, and the prover needs them for each proof.
//!
//! ```text
//! instance u64 | witness u64 | rows u64 | coefficients u64, then 32 bytes each
//! A, B, C each: entries u64 | row ends, u32 each | entries, column u32 and coefficient number u32 each
//! ```

#![deny(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use bytes::Bytes;
use rayon::prelude::*;

use super::{reader::Reader, wide};
use crate::groth16::{
    error::KeyFileFault,
    matrices::{Matrices, Sparse, entry},
};

pub(super) fn write(out: &mut Vec<u8>, matrices: &Matrices) {
    let counts = [
        matrices.instance_values(),
        matrices.witness_values(),
        matrices.constraints(),
        matrices.coefficients.len(),
    ];
    for count in counts {
        out.extend_from_slice(&wide(count).to_le_bytes());
    }
    for coefficient in &matrices.coefficients {
        out.extend_from_slice(&cairn_merkle::field::to_bytes(coefficient));
    }
    for part in &matrices.parts {
        out.extend_from_slice(&wide(part.entries.len() / Sparse::ENTRY_BYTES).to_le_bytes());
        out.extend_from_slice(&part.row_ends);
        out.extend_from_slice(&part.entries);
    }
}

/// Finds the matrices in the section.
pub(super) fn read(section: &Bytes) -> Result<Matrices, KeyFileFault> {
    let mut reader = Reader::new("matrices", section);
    let [instance, witness, rows, coefficient_count] =
        [reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?];
    let narrow = |reader: &Reader<'_>, count: u64| {
        u32::try_from(count).map_err(|_too_large| reader.malformed(format!("a count of {count}")))
    };
    let (instance, witness) = (narrow(&reader, instance)?, narrow(&reader, witness)?);
    let (rows, coefficient_count) = (narrow(&reader, rows)?, narrow(&reader, coefficient_count)?);
    if instance == 0 || instance.checked_add(witness).is_none() {
        return Err(reader.malformed(format!("{instance} public and {witness} secret values")));
    }
    let rows = reader.count(rows.into())?;
    let table = reader.take_items(reader.count(coefficient_count.into())?, 32)?;
    let coefficients = table
        .as_chunks()
        .0
        .iter()
        .map(cairn_merkle::field::from_bytes)
        .collect::<Result<Vec<_>, _>>();
    let coefficients = coefficients
        .map_err(|_not_canonical| reader.malformed("a coefficient is not canonical"))?;
    let mut part = || read_part(&mut reader, section, rows);
    let parts = [part()?, part()?, part()?];
    reader.end()?;
    Ok(Matrices {
        instance,
        witness,
        coefficients,
        parts,
    })
}

fn read_part(
    reader: &mut Reader<'_>,
    section: &Bytes,
    rows: usize,
) -> Result<Sparse, KeyFileFault> {
    let entry_count = reader.u64()?;
    let row_ends = reader.share(section, rows, 4)?;
    let entries = reader.share(section, reader.count(entry_count)?, Sparse::ENTRY_BYTES)?;
    Ok(Sparse { row_ends, entries })
}

/// Passes if every index is inside what it points into.
pub(super) fn check(matrices: &Matrices) -> Result<(), KeyFileFault> {
    let malformed = |reason: &str| KeyFileFault::Malformed {
        section: "matrices",
        reason: reason.to_owned(),
    };
    let (variables, coefficients) = (matrices.variables(), matrices.coefficients.len());
    let below = |number: u32, limit: usize| usize::try_from(number).is_ok_and(|n| n < limit);
    for part in &matrices.parts {
        let (ends, _) = part.row_ends.as_chunks();
        let (entries, _) = part.entries.as_chunks();
        let ends = || ends.iter().map(|end| u32::from_le_bytes(*end));
        let last = ends().next_back().map_or(0, u64::from);
        if !ends().is_sorted() || last != wide(entries.len()) {
            return Err(malformed("the rows do not end where the entries do"));
        }
        let inside = entries.par_iter().with_min_len(1 << 16).all(|bytes| {
            let (column, coefficient) = entry(bytes);
            below(column, variables) && below(coefficient, coefficients)
        });
        if !inside {
            return Err(malformed("an entry points outside the circuit"));
        }
    }
    Ok(())
}
