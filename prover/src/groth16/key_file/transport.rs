//! A proving key on its way from one machine to another: half the bytes.
//!
//! ```text
//! "CAIRNKTR" | bytes 8 to 168 of the key's file | verifying key | proving key, points compressed | matrices
//! ```
//!
//! Compressed points are the curve library's: 48 bytes in G1, 96 in G2, x big-endian with the sign of y in its highest bits
//! (the form of Zcash). Reading one costs a square root: minutes for a key of a million constraints, once. What comes out must
//! have the digest that the header says, so a key arrives bit by bit or not at all.

use ark_bls12_381::{g1, g2};
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress, Validate};
use rayon::prelude::*;

use super::{HEADER_BYTES, KeyHeader, Kind, reader::Reader, wide};
use crate::groth16::{
    error::KeyFileFault,
    key::Key,
    msm::{Coordinate, Points},
};

const MAGIC: &[u8; 8] = b"CAIRNKTR";
/// Points before the lists: beta and delta.
const EDGES: usize = 2;
/// Lists: a, b in G1, b in G2, h, l.
const LISTS: usize = 5;
const IN_G2: usize = 2;
const SECTION: &str = "proving key";

impl Key {
    /// The content of the key's file for the way to another machine: half the bytes, for minutes of work at the other end.
    #[must_use]
    pub fn to_transport_bytes(&self) -> Vec<u8> {
        let header = &self.file[..HEADER_BYTES];
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&header[MAGIC.len()..]);
        out.extend_from_slice(&self.verifying.to_bytes());
        let points = &self.points;
        compress::<g1::Config>(&mut out, &Points::of(&[points.beta_g1, points.delta_g1]));
        let lists = [&points.a, &points.b_g1, &points.h, &points.l];
        let [a, b_g1, h, l] = lists.map(Points::len);
        for count in [a, b_g1, points.b_g2.len(), h, l] {
            out.extend_from_slice(&wide(count).to_le_bytes());
        }
        compress(&mut out, &points.a);
        compress(&mut out, &points.b_g1);
        compress(&mut out, &points.b_g2);
        compress(&mut out, &points.h);
        compress(&mut out, &points.l);
        super::matrices::write(&mut out, &self.matrices);
        out
    }

    /// Reads [`Self::to_transport_bytes`], whatever the key is for.
    ///
    /// # Errors
    /// Everything in [`KeyFileFault`] except the mismatches.
    pub fn from_transport_bytes(bytes: &[u8]) -> Result<Self, KeyFileFault> {
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Err(KeyFileFault::NotAKeyFile {
                expected: "packed proving key",
            });
        };
        let mut file = Kind::Proving.magic().to_vec();
        file.extend_from_slice(rest.get(..HEADER_BYTES - MAGIC.len()).unwrap_or(rest));
        let header = KeyHeader::parse(&file, Kind::Proving)?;
        let [verifying, proving, matrices] = header.sections;
        let rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
        let mut reader = Reader::new(SECTION, rest);
        file.extend_from_slice(reader.take(reader.count(verifying)?)?);
        expand::<g1::Config>(&mut file, &mut reader, EDGES)?;
        let mut counts = [0; LISTS];
        let mut announced = wide(EDGES * Points::<g1::Config>::POINT_BYTES + LISTS * 8);
        for (list, count) in counts.iter_mut().enumerate() {
            let number = reader.u64()?;
            file.extend_from_slice(&number.to_le_bytes());
            *count = reader.count(number)?;
            let width = if list == IN_G2 {
                Points::<g2::Config>::POINT_BYTES
            } else {
                Points::<g1::Config>::POINT_BYTES
            };
            announced = announced.saturating_add(number.saturating_mul(wide(width)));
        }
        if announced != proving {
            return Err(
                reader.malformed(format!("{announced} bytes of points, {proving} announced"))
            );
        }
        for (list, count) in counts.into_iter().enumerate() {
            if list == IN_G2 {
                expand::<g2::Config>(&mut file, &mut reader, count)?;
            } else {
                expand::<g1::Config>(&mut file, &mut reader, count)?;
            }
        }
        file.extend_from_slice(reader.take(reader.count(matrices)?)?);
        reader.end()?;
        Self::from_file_bytes(&file)
    }
}

/// Bytes of a compressed point: half of one that is not.
const fn compressed<P>() -> usize
where
    P: SWCurveConfig,
    P::BaseField: Coordinate,
{
    Points::<P>::POINT_BYTES / 2
}

fn compress<P>(out: &mut Vec<u8>, points: &Points<P>)
where
    P: SWCurveConfig,
    P::BaseField: Coordinate,
{
    let start = out.len();
    let width = compressed::<P>();
    out.resize(start + points.len() * width, 0);
    out[start..]
        .par_chunks_exact_mut(width)
        .enumerate()
        .for_each(|(index, to)| {
            let written = points
                .get(index)
                .serialize_with_mode(&mut *to, Compress::Yes);
            debug_assert!(written.is_ok(), "the slice has a compressed point's size");
        });
}

/// Reads so many compressed points and appends them as a key file has them.
///
/// The bytes are there before anything is allocated for the points, which take twice as much.
fn expand<P>(file: &mut Vec<u8>, reader: &mut Reader<'_>, count: usize) -> Result<(), KeyFileFault>
where
    P: SWCurveConfig,
    P::BaseField: Coordinate,
{
    let bytes = reader.take_items(count, compressed::<P>())?;
    // Not in the subgroup, or another one: then the digest differs.
    let points = bytes
        .par_chunks_exact(compressed::<P>())
        .map(|bytes| Affine::<P>::deserialize_with_mode(bytes, Compress::Yes, Validate::No))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| reader.malformed(format!("a point: {error}")))?;
    file.extend_from_slice(Points::of(&points).as_bytes());
    Ok(())
}
