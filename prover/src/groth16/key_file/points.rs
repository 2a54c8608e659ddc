//! The proving key's section.
//!
//! ```text
//! beta G1 | delta G1 | five counts u64: a, b, b, h, l | a in G1 | b in G1 | b in G2 | h in G1 | l in G1
//! ```
//!
//! Points are as [`Points`] has them, 96 bytes in G1 and 192 in G2: the prover reads them where they lie, in the file.

use ark_bls12_381::{Bls12_381, g1, g2};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_groth16::ProvingKey;
use bytes::Bytes;

use super::{reader::Reader, wide};
use crate::groth16::{
    error::KeyFileFault,
    key::ProvingPoints,
    matrices::Matrices,
    msm::{Coordinate, Points},
};

const G1_BYTES: usize = Points::<g1::Config>::POINT_BYTES;
const G2_BYTES: usize = Points::<g2::Config>::POINT_BYTES;

/// Writes the section, giving up the key list by list.
pub(super) fn write(out: &mut Vec<u8>, key: ProvingKey<Bls12_381>) {
    out.extend_from_slice(Points::of(&[key.beta_g1, key.delta_g1]).as_bytes());
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
    append(out, key.a_query);
    append(out, key.b_g1_query);
    append(out, key.b_g2_query);
    append(out, key.h_query);
    append(out, key.l_query);
}

fn append<P: SWCurveConfig>(out: &mut Vec<u8>, points: Vec<Affine<P>>)
where
    P::BaseField: Coordinate,
{
    let written = Points::of(&points);
    drop(points);
    out.extend_from_slice(written.as_bytes());
}

/// Finds the lists in the section.
pub(super) fn read(section: &Bytes, matrices: &Matrices) -> Result<ProvingPoints, KeyFileFault> {
    let mut reader = Reader::new("proving key", section);
    let two = Points::<g1::Config>::in_bytes(reader.share(section, 2, G1_BYTES)?);
    let counts = lists(matrices);
    for expected in counts {
        let got = reader.u64()?;
        if got != wide(expected) {
            return Err(
                reader.malformed(format!("{got} points where the circuit needs {expected}"))
            );
        }
    }
    let [a, b_g1, b_g2, h, l] = counts;
    let mut list = |count, width| reader.share(section, count, width);
    let points = ProvingPoints {
        beta_g1: two.get(0),
        delta_g1: two.get(1),
        a: Points::in_bytes(list(a, G1_BYTES)?),
        b_g1: Points::in_bytes(list(b_g1, G1_BYTES)?),
        b_g2: Points::in_bytes(list(b_g2, G2_BYTES)?),
        h: Points::in_bytes(list(h, G1_BYTES)?),
        l: Points::in_bytes(list(l, G1_BYTES)?),
    };
    reader.end()?;
    Ok(points)
}

/// How many points each list has.
fn lists(matrices: &Matrices) -> [usize; 5] {
    let variables = matrices.variables();
    [
        variables,
        variables,
        variables,
        matrices.domain_size() - 1,
        matrices.witness_values(),
    ]
}

/// Passes if every coordinate is a number of its field.
///
/// Whether the points lie on the curve, and in the right subgroup, is not looked at: that would take minutes. The payload's
/// digest was compared before, so these are the points that were written. A file with wrong points and a right digest can
/// only come from someone who may write the key folder; with it proofs come out false (verifiers check every point of a
/// proof), nothing else does.
pub(super) fn check(points: &ProvingPoints) -> Result<(), KeyFileFault> {
    let in_g1 = [&points.a, &points.b_g1, &points.h, &points.l];
    let edges = Points::<g1::Config>::of(&[points.beta_g1, points.delta_g1]);
    let canonical =
        in_g1.into_iter().chain([&edges]).all(Points::are_canonical) && points.b_g2.are_canonical();
    if canonical {
        return Ok(());
    }
    Err(KeyFileFault::Malformed {
        section: "proving key",
        reason: "a coordinate is no number of its field".to_owned(),
    })
}
