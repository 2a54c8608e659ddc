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

use super::{reader::Reader, wide};
use crate::groth16::{
    error::KeyFileFault,
    matrices::{Matrices, Sparse},
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
        out.extend_from_slice(&wide(part.entries.len()).to_le_bytes());
        for end in &part.row_ends {
            out.extend_from_slice(&end.to_le_bytes());
        }
        for (column, coefficient) in &part.entries {
            out.extend_from_slice(&column.to_le_bytes());
            out.extend_from_slice(&coefficient.to_le_bytes());
        }
    }
}

/// Reads matrices in which every index is inside what it points into.
pub(super) fn read(bytes: &[u8]) -> Result<Matrices, KeyFileFault> {
    let mut reader = Reader::new("matrices", bytes);
    let [instance, witness, rows, coefficient_count] =
        [reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?];
    let narrow = |reader: &Reader<'_>, count: u64| {
        u32::try_from(count).map_err(|_too_large| reader.malformed(format!("a count of {count}")))
    };
    let (instance, witness) = (narrow(&reader, instance)?, narrow(&reader, witness)?);
    let (rows, coefficient_count) = (narrow(&reader, rows)?, narrow(&reader, coefficient_count)?);
    let Some(variables) = instance.checked_add(witness).filter(|_sum| instance >= 1) else {
        return Err(reader.malformed(format!("{instance} public and {witness} secret values")));
    };
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
    let mut part = || read_part(&mut reader, rows, variables, coefficient_count);
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
    rows: usize,
    variables: u32,
    coefficients: u32,
) -> Result<Sparse, KeyFileFault> {
    let entry_count = reader.u64()?;
    let ends = reader.take_items(rows, 4)?;
    let row_ends: Vec<u32> = ends
        .as_chunks()
        .0
        .iter()
        .map(|end| u32::from_le_bytes(*end))
        .collect();
    if !row_ends.is_sorted() || row_ends.last().map_or(0, |end| u64::from(*end)) != entry_count {
        return Err(reader.malformed("the rows do not end where the entries do"));
    }
    let pairs = reader.take_items(reader.count(entry_count)?, 8)?;
    let entries: Vec<(u32, u32)> = pairs
        .as_chunks::<8>()
        .0
        .iter()
        .map(|[c0, c1, c2, c3, k0, k1, k2, k3]| {
            (
                u32::from_le_bytes([*c0, *c1, *c2, *c3]),
                u32::from_le_bytes([*k0, *k1, *k2, *k3]),
            )
        })
        .collect();
    if entries
        .iter()
        .any(|(column, coefficient)| *column >= variables || *coefficient >= coefficients)
    {
        return Err(reader.malformed("an entry points outside the circuit"));
    }
    Ok(Sparse { row_ends, entries })
}
