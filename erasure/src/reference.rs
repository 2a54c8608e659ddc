//! The same code again, written for the eye: bit-by-bit arithmetic, no tables, the matrix by Vandermonde and Gauss.
//!
//! Nothing here is shared with the fast path, which interpolates and uses the tables of `reed-solomon-erasure`.
//! About a thousand times slower; for tests, and for whoever wants to write the code down in another language.

/// x^8 + x^4 + x^3 + x^2 + 1, without its top bit.
const POLYNOMIAL: u8 = 0x1d;

/// The product of two elements of GF(2^8), shift and add.
#[must_use]
pub fn multiply(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        let carry = a & 0x80 != 0;
        a <<= 1;
        if carry {
            a ^= POLYNOMIAL;
        }
        b >>= 1;
    }
    product
}

/// `a^e`, with `0^0 = 1`.
#[must_use]
pub fn power(a: u8, e: usize) -> u8 {
    (0..e).fold(1, |product, _| multiply(product, a))
}

/// The inverse of `a`, which is `a^254` (and 0 for 0, which has none).
#[must_use]
pub fn inverse(a: u8) -> u8 {
    power(a, 254)
}

/// A matrix as rows.
pub type Matrix = Vec<Vec<u8>>;

/// The n x k matrix that takes the k data strips to the n strips of a row: `V * T^-1`, where `V[r][c] = r^c` and `T` is
/// the top k rows of `V`. Its top is the identity. `None` unless `1 <= k < n <= 256`.
#[must_use]
pub fn generator(k: usize, n: usize) -> Option<Matrix> {
    if k == 0 || k >= n {
        return None;
    }
    let vandermonde: Matrix = (0..n)
        .map(|row| {
            u8::try_from(row).map(|point| (0..k).map(|column| power(point, column)).collect())
        })
        .collect::<Result<_, _>>()
        .ok()?;
    let top = inverse_matrix(&vandermonde[..k])?;
    Some(vandermonde.iter().map(|row| row_times(row, &top)).collect())
}

/// A square matrix inverted by Gauss-Jordan elimination; `None` when it is singular.
#[must_use]
pub fn inverse_matrix(matrix: &[Vec<u8>]) -> Option<Matrix> {
    let size = matrix.len();
    let mut work: Matrix = matrix
        .iter()
        .enumerate()
        .map(|(r, row)| {
            row.iter()
                .copied()
                .chain((0..size).map(|c| u8::from(c == r)))
                .collect()
        })
        .collect();
    for column in 0..size {
        let pivot = (column..size).find(|row| work[*row][column] != 0)?;
        work.swap(column, pivot);
        let scale = inverse(work[column][column]);
        for value in &mut work[column] {
            *value = multiply(*value, scale);
        }
        let pivot_row = work[column].clone();
        for (r, row) in work.iter_mut().enumerate() {
            let factor = row[column];
            if r != column && factor != 0 {
                for (value, above) in row.iter_mut().zip(&pivot_row) {
                    *value ^= multiply(factor, *above);
                }
            }
        }
    }
    Some(work.into_iter().map(|row| row[size..].to_vec()).collect())
}

/// `row * matrix`, or strips combined with the coefficients in `row`.
fn row_times(row: &[u8], strips: &[Vec<u8>]) -> Vec<u8> {
    let len = strips.first().map_or(0, Vec::len);
    let mut sum = vec![0; len];
    for (coefficient, strip) in row.iter().zip(strips) {
        for (total, byte) in sum.iter_mut().zip(strip) {
            *total ^= multiply(*coefficient, *byte);
        }
    }
    sum
}

/// The n pieces of a segment: strip `s` to column `s mod k`, row `s / k`, zeros at the end, parity row by row.
/// `None` for parameters that name no code.
#[must_use]
pub fn encode(segment: &[u8], k: usize, n: usize, strip_bytes: usize) -> Option<Vec<Vec<u8>>> {
    let generator = generator(k, n)?;
    let mut pieces = vec![Vec::new(); n];
    for row in segment.chunks(k.checked_mul(strip_bytes).filter(|bytes| *bytes > 0)?) {
        let mut padded = row.to_vec();
        padded.resize(k * strip_bytes, 0);
        let data: Vec<Vec<u8>> = padded.chunks(strip_bytes).map(<[u8]>::to_vec).collect();
        for (piece, coefficients) in pieces.iter_mut().zip(&generator) {
            piece.extend(row_times(coefficients, &data));
        }
    }
    Some(pieces)
}

/// All n pieces from exactly k of them: the k rows of the generator inverted give the data, the generator the rest.
/// `None` when the pieces are not k different ones of the code.
#[must_use]
pub fn rebuild_all(pieces: &[(u8, Vec<u8>)], k: usize, n: usize) -> Option<Vec<Vec<u8>>> {
    let generator = generator(k, n)?;
    if pieces.len() != k {
        return None;
    }
    let rows: Matrix = pieces
        .iter()
        .map(|(index, _)| generator.get(usize::from(*index)).cloned())
        .collect::<Option<_>>()?;
    let decode = inverse_matrix(&rows)?;
    let present: Vec<Vec<u8>> = pieces.iter().map(|(_, bytes)| bytes.clone()).collect();
    let data: Vec<Vec<u8>> = decode.iter().map(|row| row_times(row, &present)).collect();
    Some(generator.iter().map(|row| row_times(row, &data)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplication_is_that_of_the_published_field() {
        // powers of 2 modulo x^8 + x^4 + x^3 + x^2 + 1
        let powers: Vec<u8> = (0..10).map(|e| power(2, e)).collect();
        assert_eq!(powers, [1, 2, 4, 8, 16, 32, 64, 128, 29, 58]);
        for a in 1..=255 {
            assert_eq!(multiply(a, inverse(a)), 1);
        }
    }

    #[test]
    fn the_field_agrees_with_the_fast_tables_everywhere() {
        for a in 0..=255 {
            for b in 0..=255 {
                assert_eq!(multiply(a, b), reed_solomon_erasure::galois_8::mul(a, b));
            }
        }
    }

    #[test]
    fn a_singular_matrix_has_no_inverse_and_no_code_has_zero_or_all_data() {
        assert_eq!(inverse_matrix(&[vec![1, 2], vec![1, 2]]), None);
        assert_eq!(generator(0, 3), None);
        assert_eq!(generator(3, 3), None);
        assert_eq!(generator(3, 257), None);
    }
}
