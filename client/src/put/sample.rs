//! Some leaves under a commitment, drawn in secret once it is signed, against the client's own bytes.
//!
//! A false commitment that passes is not lost money: whoever finds a leaf of it that is not the piece's shows it on chain,
//! and its holder pays. So the client need not hash 2^b leaves with Poseidon2 itself; with a share f of the groups of
//! sixteen leaves false it is passed over with probability (1-f)^128.

use bytes::Bytes;
use cairn_merkle::tree::{ARITY, Shape, node};
use cairn_merkle::{Fr, TreeKind, domain, fr32};
use cairn_wire::{Connection, LeafOpening, OpenLeaf, PieceTerms, RequestError};
use tokio::task::JoinSet;

use crate::entropy::Entropy;
use crate::error::ReceiptError;

/// Leaves that are drawn.
pub(crate) const SAMPLES: usize = 128;
/// Pieces of at most 2^14 leaves are committed to in full: that costs less than asking.
pub(crate) const WHOLE_B: u8 = 14;
/// Openings asked for at a time.
const AT_A_TIME: usize = 16;
/// Bytes of a group of four leaves.
const GROUP_BYTES: usize = fr32::GROUP_BYTES;
/// Groups of four leaves among the sixteen children of a node of level 1.
const GROUPS: usize = ARITY / fr32::GROUP_ELEMENTS;

/// What came of the sampling.
pub(crate) enum Sampled {
    /// All leaves are the piece's.
    Right,
    /// The commitment is not the piece's.
    Wrong(ReceiptError),
    /// The node did not show a leaf: nothing is known.
    Unknown(RequestError),
}

/// Draws leaves of the piece that a Receipt promises and holds each with its fifteen siblings against the piece's bytes.
pub(crate) async fn sample(
    connection: &Connection,
    terms: &PieceTerms,
    piece: &Bytes,
    entropy: &Entropy,
) -> Sampled {
    let leaves = 1_usize.checked_shl(terms.b.into()).unwrap_or(0);
    let mut drawn = (0..SAMPLES).map(|_| entropy.below(leaves) as u64);
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_A_TIME {
            let Some(leaf) = drawn.next() else { break };
            let (connection, content_id) = (connection.clone(), terms.content_id);
            running.spawn(async move {
                let request = OpenLeaf { content_id, leaf };
                (leaf, connection.open_leaf(&request).await)
            });
        }
        match running.join_next().await {
            None => return Sampled::Right,
            Some(Ok((leaf, Ok(shown)))) => {
                if let Err(error) = check(terms, piece, leaf, &shown) {
                    return Sampled::Wrong(error);
                }
            }
            Some(Ok((_, Err(error)))) => return Sampled::Unknown(error),
            // a task of ours that panicked: as good as no answer
            Some(Err(error)) => {
                tracing::warn!(%error, "a leaf could not be asked for");
                return Sampled::Wrong(ReceiptError::Leaf { leaf: 0 });
            }
        }
    }
}

/// The opening lies under the commitment, and its sixteen leaves are the piece's.
fn check(
    terms: &PieceTerms,
    piece: &[u8],
    leaf: u64,
    shown: &LeafOpening,
) -> Result<(), ReceiptError> {
    let refused = || ReceiptError::Leaf { leaf };
    let shape = Shape::new(terms.b.into()).map_err(|_| refused())?;
    let opening = &shown.opening;
    let top = opening.groups.last().ok_or_else(refused)?;
    let root = node(TreeKind::Data, shape.levels(), top);
    let comm_p = domain::comm_p(terms.b, terms.byte_len, root);
    if shown.b != terms.b || comm_p != terms.comm_p.to_fr() {
        return Err(refused());
    }
    opening
        .verify(TreeKind::Data, shape, leaf, root)
        .map_err(|_| refused())?;
    let first = usize::try_from(leaf).map_err(|_| refused())? / ARITY * GROUPS;
    if opening.groups.first() == Some(&leaves_of(piece, first)) {
        Ok(())
    } else {
        Err(refused())
    }
}

/// Sixteen leaves of the piece, from a group of 127 bytes on; zeros behind its end.
fn leaves_of(piece: &[u8], first_group: usize) -> [Fr; ARITY] {
    let start = first_group.saturating_mul(GROUP_BYTES).min(piece.len());
    let end = start.saturating_add(GROUPS * GROUP_BYTES).min(piece.len());
    let mut leaves = [Fr::default(); ARITY];
    for (leaf, element) in leaves.iter_mut().zip(fr32::encode(&piece[start..end])) {
        *leaf = element;
    }
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_merkle::tree::Tree;
    use cairn_merkle::{ContentId, piece};
    use cairn_wire::{Address, DealId, SlotIndex};

    /// A piece whose tree has some leaves of another, and what its holder signs.
    fn holder(len: usize, false_leaves: &[usize]) -> (Vec<u8>, Tree, PieceTerms) {
        let bytes: Vec<u8> = (0..=250_u8).cycle().take(len).collect();
        let b = piece::b_for(len as u64);
        let mut leaves = fr32::encode(&bytes);
        leaves.resize(1 << b, Fr::default());
        for leaf in false_leaves {
            leaves[*leaf] += Fr::from(1_u64);
        }
        let tree = Tree::build(TreeKind::Data, &leaves).unwrap();
        let terms = PieceTerms {
            deal: DealId(1),
            slot: SlotIndex(0),
            provider: Address([1; 20]),
            content_id: ContentId::of(&bytes),
            comm_p: domain::comm_p(b, len as u64, tree.root()).into(),
            b,
            byte_len: len as u64,
            expiry_unix: 1,
        };
        (bytes, tree, terms)
    }

    fn shown(tree: &Tree, b: u8, leaf: u64) -> LeafOpening {
        LeafOpening {
            b,
            opening: tree.open(leaf).unwrap(),
        }
    }

    #[test]
    fn every_leaf_of_an_honest_commitment_passes_padding_included() {
        for len in [1, 126, 127, 128, 2_000, 5_000] {
            let (bytes, tree, terms) = holder(len, &[]);
            for leaf in 0..1 << terms.b {
                let opening = shown(&tree, terms.b, leaf);
                assert_eq!(
                    check(&terms, &bytes, leaf, &opening),
                    Ok(()),
                    "{leaf} of {len}"
                );
            }
        }
    }

    #[test]
    fn a_false_leaf_is_seen_at_itself_and_at_its_siblings_and_nowhere_else() {
        let (bytes, tree, terms) = holder(2_000, &[37]);
        for leaf in 0..1 << terms.b {
            let seen = check(&terms, &bytes, leaf, &shown(&tree, terms.b, leaf)).is_err();
            assert_eq!(seen, (32..48).contains(&leaf), "leaf {leaf}");
        }
        let last = (1 << terms.b) - 1;
        let (bytes, tree, terms) = holder(2_000, &[usize::try_from(last).unwrap()]);
        let padding = check(&terms, &bytes, last, &shown(&tree, terms.b, last));
        assert_eq!(padding, Err(ReceiptError::Leaf { leaf: last }));
    }

    #[test]
    fn what_is_not_under_the_signed_commitment_is_refused() {
        let (bytes, tree, terms) = holder(2_000, &[]);
        let (_, other, _) = holder(2_000, &[1]);
        let honest = shown(&tree, terms.b, 5);
        let mut cut = honest.clone();
        cut.opening.groups.pop();
        let mut changed = honest.clone();
        changed.opening.groups[1][3] += Fr::from(1_u64);
        let sized = LeafOpening {
            b: terms.b + 1,
            ..honest.clone()
        };
        let cases = [
            ("another tree", 5, shown(&other, terms.b, 5)),
            ("another leaf", 4, honest),
            ("a short path", 5, cut),
            ("a changed node", 5, changed),
            ("another size", 5, sized),
        ];
        for (what, leaf, opening) in cases {
            let refused = check(&terms, &bytes, leaf, &opening);
            assert_eq!(refused, Err(ReceiptError::Leaf { leaf }), "{what}");
        }
    }
}
