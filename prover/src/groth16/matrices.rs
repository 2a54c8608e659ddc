//! The constraints of a circuit as three sparse matrices A, B, C: row i says `(A_i . z) * (B_i . z) = C_i . z`, where z
//! is the constant one, the public inputs and the witness, in this order.
//!
//! A matrix entry takes eight bytes (a column and the number of its coefficient in a table), a fifth of what the
//! constraint library's own form takes; a circuit of a million constraints has some fourteen million entries.

use std::{collections::HashMap, fmt};

use ark_bls12_381::Fr;
use ark_ff::{One, Zero};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, Matrix, OptimizationGoal, R1CS_PREDICATE_LABEL,
    SynthesisError, SynthesisMode,
};
use bytes::Bytes;
use rayon::prelude::*;

use crate::groth16::error::SetupError;

/// What the hash of a circuit begins with.
const ID_DOMAIN: &[u8] = b"cairn/v1/circuit";

/// What a circuit is, in 32 bytes: two circuits with the same id have the same constraints.
///
/// id = BLAKE3("cairn/v1/circuit" | instance u64 | witness u64 | rows u64 | A | B | C), numbers little-endian; instance
/// counts the constant one and the public inputs. A matrix is its rows in the order of the constraints; a row is its
/// number of entries as u32, then its entries by ascending column: column u32 | coefficient 32 bytes little-endian.
/// Equal columns are summed and zero coefficients dropped first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CircuitId([u8; 32]);

impl CircuitId {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The id that `text` spells in 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CircuitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CircuitId({self})")
    }
}

/// One sparse matrix by rows, as a key file has it: numbers are u32, little-endian.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sparse {
    /// For each row the number of entries in all rows up to and with it.
    pub(crate) row_ends: Bytes,
    /// Column and coefficient number of each entry, columns ascending in a row.
    pub(crate) entries: Bytes,
}

/// The constraints of one circuit.
#[derive(Clone, PartialEq, Eq)]
pub struct Matrices {
    /// The constant one and the public inputs.
    pub(crate) instance: u32,
    pub(crate) witness: u32,
    /// Each distinct coefficient once.
    pub(crate) coefficients: Vec<Fr>,
    /// A, B and C.
    pub(crate) parts: [Sparse; 3],
}

impl fmt::Debug for Matrices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrices")
            .field("constraints", &self.constraints())
            .field("public_inputs", &self.public_inputs())
            .field("witness", &self.witness)
            .field("entries", &self.entries())
            .finish()
    }
}

impl Matrices {
    /// Lays out a circuit without looking at any witness.
    ///
    /// # Errors
    /// The circuit cannot be laid out, or is beyond four billion of anything.
    pub fn of<C: ConstraintSynthesizer<Fr>>(circuit: C) -> Result<Self, SetupError> {
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_optimization_goal(OptimizationGoal::Constraints);
        cs.set_mode(SynthesisMode::Setup);
        circuit.generate_constraints(cs.clone())?;
        cs.finalize();
        let mut by_predicate = cs.to_matrices()?;
        let r1cs = by_predicate
            .remove(R1CS_PREDICATE_LABEL)
            .ok_or(SynthesisError::PredicateNotFound)?;
        let [a, b, c] = <[Matrix<Fr>; 3]>::try_from(r1cs)
            .map_err(|_wrong_arity| SynthesisError::Unsatisfiable)?;
        // The rows of other predicates would silently not be proven.
        if by_predicate
            .values()
            .any(|matrices| matrices.iter().any(|matrix| !matrix.is_empty()))
        {
            return Err(SynthesisError::PredicateNotFound.into());
        }
        let mut table = Table::default();
        let parts = [table.compact(a)?, table.compact(b)?, table.compact(c)?];
        Ok(Self {
            instance: narrow("public inputs", cs.num_instance_variables())?,
            witness: narrow("witness values", cs.num_witness_variables())?,
            coefficients: table.coefficients,
            parts,
        })
    }

    /// Constraints, one a row.
    #[must_use]
    pub const fn constraints(&self) -> usize {
        self.parts[0].rows()
    }

    /// Public inputs, without the constant one.
    #[must_use]
    pub const fn public_inputs(&self) -> usize {
        self.instance_values() - 1
    }

    /// Entries that are not zero, of A, B and C.
    #[must_use]
    pub fn entries(&self) -> [usize; 3] {
        self.parts.each_ref().map(Sparse::count)
    }

    /// Values that stand before the witness in an assignment.
    #[expect(
        clippy::as_conversions,
        reason = "u32 to usize, in a const function: usize has at least 32 bits here"
    )]
    pub(crate) const fn instance_values(&self) -> usize {
        self.instance as usize
    }

    /// Witness values.
    #[expect(
        clippy::as_conversions,
        reason = "u32 to usize, in a const function: usize has at least 32 bits here"
    )]
    #[must_use]
    pub const fn witness_values(&self) -> usize {
        self.witness as usize
    }

    /// All values of an assignment.
    pub(crate) const fn variables(&self) -> usize {
        self.instance_values() + self.witness_values()
    }

    /// Points at which the polynomials of the proof are given: a power of two.
    pub(crate) const fn domain_size(&self) -> usize {
        (self.constraints() + self.instance_values()).next_power_of_two()
    }

    /// The circuit's id.
    #[must_use]
    pub fn id(&self) -> CircuitId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(ID_DOMAIN);
        for count in [
            self.instance_values(),
            self.witness_values(),
            self.constraints(),
        ] {
            hasher.update(&u64::try_from(count).unwrap_or(u64::MAX).to_le_bytes());
        }
        let coefficients: Vec<[u8; 32]> = self
            .coefficients
            .iter()
            .map(cairn_merkle::field::to_bytes)
            .collect();
        let mut buffer = Vec::with_capacity(1 << 16);
        for part in &self.parts {
            for row in 0..part.rows() {
                let entries = part.row(row);
                buffer.extend_from_slice(
                    &u32::try_from(entries.len())
                        .unwrap_or(u32::MAX)
                        .to_le_bytes(),
                );
                for (column, coefficient) in entries {
                    buffer.extend_from_slice(&column.to_le_bytes());
                    buffer.extend_from_slice(&coefficients[index(coefficient)]);
                }
                if buffer.len() >= 1 << 16 {
                    hasher.update(&buffer);
                    buffer.clear();
                }
            }
        }
        hasher.update(&buffer);
        CircuitId(hasher.finalize().into())
    }

    /// The product of one of A, B, C (0, 1, 2) with an assignment of the right length.
    pub(crate) fn multiply(&self, part: usize, assignment: &[Fr]) -> Vec<Fr> {
        let part = &self.parts[part];
        (0..part.rows())
            .into_par_iter()
            .with_min_len(256)
            .map(|row| {
                part.row(row)
                    .map(|(column, coefficient)| {
                        let (value, coefficient) = (
                            assignment[index(column)],
                            self.coefficients[index(coefficient)],
                        );
                        if coefficient.is_one() {
                            value
                        } else {
                            value * coefficient
                        }
                    })
                    .sum()
            })
            .collect()
    }
}

impl Sparse {
    /// Bytes of an entry.
    pub(crate) const ENTRY_BYTES: usize = 8;

    const fn rows(&self) -> usize {
        self.row_ends.len() / 4
    }

    const fn count(&self) -> usize {
        self.entries.len() / Self::ENTRY_BYTES
    }

    /// The number of entries in all rows up to and with this one.
    pub(crate) fn row_end(&self, row: usize) -> u32 {
        u32::from_le_bytes(self.row_ends.as_chunks().0[row])
    }

    /// The entries of one row.
    pub(crate) fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (u32, u32)> + '_ {
        let start = row
            .checked_sub(1)
            .map_or(0, |before| index(self.row_end(before)));
        let entries = &self.entries.as_chunks().0[start..index(self.row_end(row))];
        entries.iter().map(entry)
    }
}

/// Column and coefficient number.
pub(crate) fn entry(bytes: &[u8; Sparse::ENTRY_BYTES]) -> (u32, u32) {
    let [c0, c1, c2, c3, k0, k1, k2, k3] = *bytes;
    (
        u32::from_le_bytes([c0, c1, c2, c3]),
        u32::from_le_bytes([k0, k1, k2, k3]),
    )
}

/// Gives each distinct coefficient a number.
#[derive(Default)]
struct Table {
    coefficients: Vec<Fr>,
    numbers: HashMap<Fr, u32>,
}

impl Table {
    fn compact(&mut self, matrix: Matrix<Fr>) -> Result<Sparse, SetupError> {
        let (mut row_ends, mut entries) = (Vec::new(), Vec::new());
        for mut row in matrix {
            row.sort_unstable_by_key(|(_, column)| *column);
            let mut terms = row.into_iter().peekable();
            while let Some((mut coefficient, column)) = terms.next() {
                while let Some((more, _)) = terms.next_if(|(_, next)| *next == column) {
                    coefficient += more;
                }
                if !coefficient.is_zero() {
                    for number in [narrow("variables", column)?, self.number(coefficient)?] {
                        entries.extend_from_slice(&number.to_le_bytes());
                    }
                }
            }
            let end = narrow("matrix entries", entries.len() / Sparse::ENTRY_BYTES)?;
            row_ends.extend_from_slice(&end.to_le_bytes());
        }
        Ok(Sparse {
            row_ends: row_ends.into(),
            entries: entries.into(),
        })
    }

    fn number(&mut self, coefficient: Fr) -> Result<u32, SetupError> {
        if let Some(number) = self.numbers.get(&coefficient) {
            return Ok(*number);
        }
        let number = narrow("distinct coefficients", self.coefficients.len())?;
        self.coefficients.push(coefficient);
        self.numbers.insert(coefficient, number);
        Ok(number)
    }
}

fn narrow(what: &'static str, count: usize) -> Result<u32, SetupError> {
    u32::try_from(count).map_err(|_too_large| SetupError::TooLarge {
        what,
        got: count,
        limit: index(u32::MAX),
    })
}

#[expect(
    clippy::as_conversions,
    reason = "u32 to usize: usize has at least 32 bits on every machine this runs on"
)]
const fn index(number: u32) -> usize {
    number as usize
}
