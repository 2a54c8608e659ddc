//! The linear layers, and the outputs of S-boxes as combinations of later inputs.

use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field};
use cairn_merkle::poseidon2::{
    FULL_ROUNDS, PARTIAL_ROUNDS, WIDTH, internal_diagonal, round_constants,
};
use std::array;
use std::sync::LazyLock;

/// Inputs that the partial rounds are written in: their own, then those of the full round after them.
pub(super) const BASIS: usize = PARTIAL_ROUNDS + WIDTH;

/// An affine combination of the basis.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) factors: [Fr; BASIS],
    pub(super) constant: Fr,
}

/// Every table of the gadget.
#[derive(Debug)]
pub(super) struct Linear {
    /// The external matrix, row by row.
    pub(super) external: [[Fr; WIDTH]; WIDTH],
    /// Its inverse.
    pub(super) external_inverse: [[Fr; WIDTH]; WIDTH],
    /// Inverse of the external matrix's first entry.
    pub(super) first_factor_inverse: Fr,
    /// Outputs of the last full round before the partial ones.
    pub(super) entry: Vec<Row>,
    /// Outputs of the partial rounds, in their order.
    pub(super) partial: Vec<Row>,
}

/// The tables, computed once.
pub(super) static LINEAR: LazyLock<Linear> = LazyLock::new(tables);

/// The external layer circ(2 M4, M4, M4, M4).
pub(super) fn external(state: &mut [Fr; WIDTH]) {
    for chunk in state.chunks_exact_mut(4) {
        let t0 = chunk[0] + chunk[1];
        let t1 = chunk[2] + chunk[3];
        let t2 = chunk[1].double() + t1;
        let t3 = chunk[3].double() + t0;
        let t4 = t1.double().double() + t3;
        let t5 = t0.double().double() + t2;
        chunk[0] = t3 + t5;
        chunk[1] = t5;
        chunk[2] = t2 + t4;
        chunk[3] = t4;
    }
    let columns: [Fr; 4] =
        array::from_fn(|i| state[i] + state[i + 4] + state[i + 8] + state[i + 12]);
    for (i, word) in state.iter_mut().enumerate() {
        *word += columns[i % 4];
    }
}

/// The internal layer: all ones plus a small diagonal.
pub(super) fn internal(state: &mut [Fr; WIDTH]) {
    let total: Fr = state.iter().sum();
    for (word, factor) in state.iter_mut().zip(&*DIAGONAL) {
        *word = *word * factor + total;
    }
}

static DIAGONAL: LazyLock<[Fr; WIDTH]> = LazyLock::new(|| internal_diagonal().map(Fr::from));

fn tables() -> Linear {
    let mut external_matrix = [[Fr::ZERO; WIDTH]; WIDTH];
    for column in 0..WIDTH {
        let mut unit = [Fr::ZERO; WIDTH];
        unit[column] = Fr::ONE;
        external(&mut unit);
        for (row, entry) in external_matrix.iter_mut().zip(unit) {
            row[column] = entry;
        }
    }
    let external_inverse = inverse(&external_matrix);
    let (entry, partial) = partial_rows(&external_inverse);
    let first_factor_inverse = external_matrix[0][0].inverse().unwrap_or(Fr::ZERO);
    Linear {
        external: external_matrix,
        external_inverse,
        first_factor_inverse,
        entry,
        partial,
    }
}

/// From the inputs after the partial rounds backwards, one inverse internal layer a round.
fn partial_rows(external_inverse: &[[Fr; WIDTH]; WIDTH]) -> (Vec<Row>, Vec<Row>) {
    let constants = round_constants();
    let variable = |place: usize, constant: Fr| {
        let mut factors = [Fr::ZERO; BASIS];
        factors[place] = Fr::ONE;
        Row {
            factors,
            constant: -constant,
        }
    };
    let mut state: Vec<Row> = (0..WIDTH)
        .map(|i| variable(PARTIAL_ROUNDS + i, constants.full[FULL_ROUNDS / 2][i]))
        .collect();
    let mut outputs = Vec::with_capacity(PARTIAL_ROUNDS);
    for round in (0..PARTIAL_ROUNDS).rev() {
        undo_internal(&mut state);
        outputs.push(std::mem::replace(
            &mut state[0],
            variable(round, constants.partial[round]),
        ));
    }
    outputs.reverse();
    let entry = external_inverse
        .iter()
        .map(|factors| combine(factors, &state))
        .collect();
    (entry, outputs)
}

/// Inverse of the internal layer on rows. The layer is `y_i = m_i x_i + s` with `s = sum(x_i)`, so that
/// `x_i = (y_i - s) / m_i` and `s = sum(y_i / m_i) / (1 + sum(1 / m_i))`.
fn undo_internal(state: &mut [Row]) {
    let inverses: Vec<Fr> = DIAGONAL
        .iter()
        .map(|m| m.inverse().unwrap_or(Fr::ZERO))
        .collect();
    let scale = (Fr::ONE + inverses.iter().sum::<Fr>())
        .inverse()
        .unwrap_or(Fr::ZERO);
    let weights: [Fr; WIDTH] = array::from_fn(|i| inverses[i] * scale);
    let total = combine(&weights, state);
    for (row, inverse) in state.iter_mut().zip(&inverses) {
        for (factor, subtracted) in row.factors.iter_mut().zip(&total.factors) {
            *factor = (*factor - subtracted) * inverse;
        }
        row.constant = (row.constant - total.constant) * inverse;
    }
}

fn combine(weights: &[Fr; WIDTH], rows: &[Row]) -> Row {
    let mut total = Row {
        factors: [Fr::ZERO; BASIS],
        constant: Fr::ZERO,
    };
    for (weight, row) in weights.iter().zip(rows) {
        for (sum, factor) in total.factors.iter_mut().zip(&row.factors) {
            *sum += *weight * factor;
        }
        total.constant += *weight * row.constant;
    }
    total
}

/// Gauss-Jordan; the matrix is known to be invertible (a test multiplies it back).
fn inverse(matrix: &[[Fr; WIDTH]; WIDTH]) -> [[Fr; WIDTH]; WIDTH] {
    let mut left = *matrix;
    let mut right: [[Fr; WIDTH]; WIDTH] =
        array::from_fn(|i| array::from_fn(|j| Fr::from(u8::from(i == j))));
    for column in 0..WIDTH {
        if let Some(pivot) = (column..WIDTH).find(|row| left[*row][column] != Fr::ZERO) {
            left.swap(column, pivot);
            right.swap(column, pivot);
        }
        let scale = left[column][column].inverse().unwrap_or(Fr::ZERO);
        for entry in left[column].iter_mut().chain(right[column].iter_mut()) {
            *entry *= scale;
        }
        let (left_pivot, right_pivot) = (left[column], right[column]);
        for row in (0..WIDTH).filter(|row| *row != column) {
            let factor = left[row][column];
            for i in 0..WIDTH {
                left[row][i] -= factor * left_pivot[i];
                right[row][i] -= factor * right_pivot[i];
            }
        }
    }
    right
}
