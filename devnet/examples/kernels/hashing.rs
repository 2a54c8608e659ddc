//! Kernels over stored bytes: hashes, trees, labels, coding.

use std::hint::black_box;
use std::path::Path;

use anyhow::Result;
use cairn_erasure::{Code, STRIP_BYTES};
use cairn_merkle::range::{Outboard, RangeVerifier, encode_range};
use cairn_merkle::tree::{CHUNK_LEAVES, chunk_root};
use cairn_merkle::{Fr, TreeKind, fr32, poseidon2};
use cairn_prover::graph::Graph;
use cairn_prover::seal::SealError;
use cairn_prover::seal::layer::{Layer, label_layers};

use super::Work;

const MIB: usize = 1 << 20;

/// Bytes of all values, without a period that matters.
fn bytes(count: usize) -> Vec<u8> {
    (0u64..)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[4])
        .take(count)
        .collect()
}

/// Elements of full size.
fn elements(count: usize) -> Vec<Fr> {
    let encoded = fr32::encode(&bytes(count * 32));
    encoded.into_iter().take(count).collect()
}

pub(super) fn poseidon2_permute(_: &Path) -> Result<Work> {
    let mut state = [Fr::from(0u64); poseidon2::WIDTH];
    state.copy_from_slice(&elements(poseidon2::WIDTH));
    Ok(Box::new(move || {
        poseidon2::permute(black_box(&mut state));
        Ok(())
    }))
}

pub(super) fn tree_chunk(_: &Path) -> Result<Work> {
    let leaves = elements(CHUNK_LEAVES);
    Ok(Box::new(move || {
        black_box(chunk_root(TreeKind::Data, black_box(&leaves))?);
        Ok(())
    }))
}

/// A second layer, which reads the one below it.
pub(super) fn label_layer(_: &Path) -> Result<Work> {
    const LOG2: u32 = 13;
    let graph = Graph::new("test", LOG2);
    let below = vec![[5; 32]; 1 << LOG2];
    let mut labels = vec![[0; 32]; 1 << LOG2];
    Ok(Box::new(move || {
        let layer = Layer {
            replica_id: &[3; 32],
            layer: 2,
            below: Some(&below),
            labels: &mut labels,
        };
        label_layers(&graph, black_box(&mut [layer]), |_, _, _| {
            Ok::<_, SealError>(())
        })?;
        black_box(&labels);
        Ok(())
    }))
}

pub(super) fn fr32_encode(_: &Path) -> Result<Work> {
    let data = bytes(MIB);
    Ok(Box::new(move || {
        black_box(fr32::encode_stored(black_box(&data)));
        Ok(())
    }))
}

pub(super) fn rs_encode_row(_: &Path) -> Result<Work> {
    let code = Code::new(10, 30, STRIP_BYTES)?;
    let strip = usize::try_from(STRIP_BYTES)?;
    let (data, mut parity) = (bytes(10 * strip), vec![0; 20 * strip]);
    Ok(Box::new(move || {
        code.encode_row(black_box(&data), &mut parity)?;
        black_box(&parity);
        Ok(())
    }))
}

pub(super) fn range_verify(_: &Path) -> Result<Work> {
    let data = bytes(MIB);
    let length = u64::try_from(MIB)?;
    let (id, outboard) = Outboard::build(&data)?;
    let outboard = Outboard::from_parts(id, length, outboard)?;
    let encoded = encode_range(&data[..], &outboard, 0, length)?;
    Ok(Box::new(move || {
        let mut verified = Vec::new();
        let mut verifier = RangeVerifier::new(id, length, 0, length)?;
        for slice in encoded.chunks(64 << 10) {
            verifier.push(black_box(slice), &mut verified)?;
            verified.clear();
        }
        Ok(verifier.finish()?)
    }))
}
