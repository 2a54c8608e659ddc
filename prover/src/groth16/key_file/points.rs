//! The proving key's section.
//!
//! ```text
//! beta G1 | delta G1 | five counts u64: a, b, b, h, l | a in G1 | b in G1 | b in G2 | h in G1 | l in G1
//! ```
//!
//! Points are uncompressed, 96 bytes in G1 and 192 in G2: reading is a copy, where a compressed point costs a square root.

use ark_bls12_381::{Bls12_381, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_groth16::ProvingKey;
use ark_serialize::{Compress, Validate};
use rayon::prelude::*;

use super::{reader::Reader, wide};
use crate::groth16::{error::KeyFileFault, matrices::Matrices};

const G1_BYTES: usize = 96;
const G2_BYTES: usize = 192;

pub(super) fn write(out: &mut Vec<u8>, key: &ProvingKey<Bls12_381>) {
    write_points(out, &[key.beta_g1, key.delta_g1], G1_BYTES);
    let counts = [
        key.a_query.len(),
        key.b_g1_query.len(),
        key.b_g2_query.len(),
        key.h_query.len(),
        key.l_query.len(),
    ];
    for count in counts {
        out.extend_from_slice(&wide(count).to_le_bytes());
    }
    write_points(out, &key.a_query, G1_BYTES);
    write_points(out, &key.b_g1_query, G1_BYTES);
    write_points(out, &key.b_g2_query, G2_BYTES);
    write_points(out, &key.h_query, G1_BYTES);
    write_points(out, &key.l_query, G1_BYTES);
}

pub(super) fn read(
    bytes: &[u8],
    vk: ark_groth16::VerifyingKey<Bls12_381>,
    matrices: &Matrices,
) -> Result<ProvingKey<Bls12_381>, KeyFileFault> {
    let mut reader = Reader::new("proving key", bytes);
    let [beta_g1, delta_g1]: [G1Affine; 2] = read_points(&mut reader, 2, G1_BYTES)?
        .try_into()
        .map_err(|_wrong_count| reader.malformed("beta and delta are missing"))?;
    let variables = matrices.variables();
    let expected = [
        variables,
        variables,
        variables,
        matrices.domain_size() - 1,
        matrices.witness_values(),
    ];
    for expected in expected {
        let got = reader.u64()?;
        if got != wide(expected) {
            return Err(
                reader.malformed(format!("{got} points where the circuit needs {expected}"))
            );
        }
    }
    let [a, b_g1, b_g2, h, l] = expected;
    let key = ProvingKey {
        vk,
        beta_g1,
        delta_g1,
        a_query: read_points(&mut reader, a, G1_BYTES)?,
        b_g1_query: read_points(&mut reader, b_g1, G1_BYTES)?,
        b_g2_query: read_points::<G2Affine>(&mut reader, b_g2, G2_BYTES)?,
        h_query: read_points(&mut reader, h, G1_BYTES)?,
        l_query: read_points(&mut reader, l, G1_BYTES)?,
    };
    reader.end()?;
    Ok(key)
}

fn write_points<P: AffineRepr>(out: &mut Vec<u8>, points: &[P], width: usize) {
    let start = out.len();
    out.resize(start + points.len() * width, 0);
    out[start..]
        .par_chunks_exact_mut(width)
        .zip(points)
        .for_each(|(to, point)| {
            let written = point.serialize_with_mode(&mut *to, Compress::No);
            debug_assert!(
                written.is_ok(),
                "the slice has the size of an uncompressed point"
            );
        });
}

/// Reads points without looking whether they lie on the curve or in the subgroup.
///
/// That would cost a hundred times the reading. The payload's digest was compared before, so these are the points that
/// were written. A file with wrong points and a right digest can only come from someone who may write the key folder;
/// with it proofs come out false (verifiers check every point of a proof), nothing else does.
fn read_points<P: AffineRepr>(
    reader: &mut Reader<'_>,
    count: usize,
    width: usize,
) -> Result<Vec<P>, KeyFileFault> {
    reader
        .take_items(count, width)?
        .par_chunks_exact(width)
        .with_min_len(64)
        .map(|bytes| P::deserialize_with_mode(bytes, Compress::No, Validate::No))
        .collect::<Result<_, _>>()
        .map_err(|error| reader.malformed(format!("a point: {error}")))
}
