//! The permutation everything runs on.

use super::{WIDTH, reference};
use ark_bls12_381::Fr;

pub(super) fn permute(state: &mut [Fr; WIDTH]) {
    reference::permute(state);
}
