//! Matrix times strips.

use reed_solomon_erasure::galois_8::{mul_slice, mul_slice_xor};

use crate::coefficients::Coefficients;

/// All strips of a row are walked in blocks of this length: the output block, touched once for every input, stays in
/// the first-level cache, and the ten input blocks, read once for every output, in the second.
const BLOCK_BYTES: usize = 8192;

/// `outputs[i] = sum_j matrix[i][j] * inputs[j]` over GF(2^8), byte by byte. All slices have one length.
pub(crate) fn combine(matrix: &Coefficients, inputs: &[&[u8]], outputs: &mut [&mut [u8]]) {
    let len = outputs.first().map_or(0, |output| output.len());
    for start in (0..len).step_by(BLOCK_BYTES) {
        let block = start..len.min(start + BLOCK_BYTES);
        for (row, output) in matrix.rows().iter().zip(outputs.iter_mut()) {
            combine_block(row, inputs, block.clone(), &mut output[block.clone()]);
        }
    }
}

fn combine_block(row: &[u8], inputs: &[&[u8]], block: std::ops::Range<usize>, output: &mut [u8]) {
    let mut begun = false;
    for (coefficient, input) in row.iter().zip(inputs) {
        let input = &input[block.clone()];
        match (coefficient, begun) {
            (0, _) => {}
            (1, false) => {
                output.copy_from_slice(input);
                begun = true;
            }
            (c, false) => {
                mul_slice(*c, input, output);
                begun = true;
            }
            (c, true) => mul_slice_xor(*c, input, output),
        }
    }
    if !begun {
        output.fill(0);
    }
}
