//! Why a statement is not shown: a claim that no proof can speak about, or a witness that does not show it.
//!
//! The fault is always that of whoever made the claim or the witness; checking itself cannot fail.

use cairn_merkle::{OpeningError, PieceError, TreeError};
use thiserror::Error;

/// Public inputs that no witness can make true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StatementError {
    /// The number of sectors is none or more than a tree holds.
    #[error("a tree holds 1 to {max} sectors, got {got}")]
    Count {
        /// Places of a tree.
        max: u64,
        /// The claim.
        got: u64,
    },
    /// The index of a sector is not inside the tree.
    #[error("index {index} is outside a tree of {count} sectors")]
    Index {
        /// The claim.
        index: u64,
        /// Sectors, or places for them.
        count: u64,
    },
    /// The range of sectors is empty or not inside the tree.
    #[error("sectors {lo} and the {count} from there are not a range inside {total}")]
    SectorRange {
        /// First sector of the range.
        lo: u64,
        /// Sectors in the range.
        count: u64,
        /// Sectors of the tree.
        total: u64,
    },
    /// The range of leaves is not aligned or not inside a sector.
    #[error("leaves {lo} and the 2^{log2} from there are not an aligned range of a sector")]
    LeafRange {
        /// First leaf.
        lo: u64,
        /// log2 of the leaves.
        log2: u8,
    },
    /// A piece's size is not one of this parameter set.
    #[error("log2 of a piece's leaves is 2 to {max}, got {got}")]
    PieceSize {
        /// The largest.
        max: u8,
        /// The claim.
        got: u8,
    },
    /// A piece's length does not fit its field.
    #[error("a piece's length has at most 40 bits, got {got}")]
    ByteLen {
        /// The claim.
        got: u64,
    },
    /// A piece does not lie at a multiple of its own size inside the sector.
    #[error("a piece of 2^{b} leaves cannot lie at leaf {offset_leaves}")]
    Offset {
        /// The claim.
        offset_leaves: u64,
        /// log2 of the piece's leaves.
        b: u8,
    },
    /// No piece of this parameter set has so many groups of 127 bytes.
    #[error("a piece has at most {max} groups from 0, got {got}")]
    Group {
        /// Groups of the largest piece.
        max: u64,
        /// The claim.
        got: u64,
    },
    /// The parameter set has fewer challenges than that.
    #[error("a proof of replication has {partitions} partitions from 0, got {got}")]
    Partition {
        /// Challenges of the set.
        partitions: u32,
        /// The claim.
        got: u16,
    },
    /// A proof speaks about a fixed number of pieces.
    #[error("a proof speaks about {expected} pieces, got {got}")]
    Width {
        /// Pieces of one proof.
        expected: usize,
        /// Pieces claimed.
        got: usize,
    },
}

/// Why a proof of spacetime would not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpacetimeError {
    /// No witness can show this.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The number of samples is fixed.
    #[error("expected {expected} samples, got {got}")]
    Samples {
        /// Samples of one proof.
        expected: usize,
        /// Samples given.
        got: usize,
    },
    /// The path inside the sector is not one.
    #[error("sample {sample} (sector {sector}, leaf {leaf}): {source}")]
    LeafPath {
        /// Which sample.
        sample: usize,
        /// Index of its sector in the tree.
        sector: u32,
        /// Its leaf in the sector.
        leaf: u64,
        /// What is wrong.
        source: OpeningError,
    },
    /// The path from the sector to the provider's root is not one.
    #[error("sample {sample}: sector {sector} under the provider's root: {source}")]
    ProviderPath {
        /// Which sample.
        sample: usize,
        /// Index of its sector in the tree.
        sector: u32,
        /// What is wrong.
        source: OpeningError,
    },
    /// A hot sector has no commitment to labels.
    #[error("sample {sample}: a hot sector with a commitment to labels")]
    HotWithLabels {
        /// Which sample.
        sample: usize,
    },
    /// The sample is of another tree.
    #[error("sample {sample} (sector {sector}, leaf {leaf}) does not lead to the provider's root")]
    Root {
        /// Which sample.
        sample: usize,
        /// Index of its sector in the tree.
        sector: u32,
        /// Its leaf in the sector.
        leaf: u64,
    },
    /// The sample is of another sector than the one named.
    #[error("sample {sample} is of sector number {got}, {expected} is asked for")]
    SectorNumber {
        /// Which sample.
        sample: usize,
        /// The number asked for.
        expected: u64,
        /// The number in the witness.
        got: u64,
    },
    /// More or fewer samples are skipped than declared.
    #[error("{declared} skips are declared, {got} samples are skipped")]
    Skips {
        /// The public number.
        declared: u8,
        /// Samples skipped.
        got: usize,
    },
}

/// Why a proof of an append would not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// No witness can show this.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A hot sector's `comm_r` follows from its `comm_d`.
    #[error("comm_r is not that of a hot sector with this comm_d")]
    HotCommR,
    /// The path to the new place is not one, or the place is taken.
    #[error("path to the new place: {0}")]
    Path(#[from] OpeningError),
    /// The path belongs to another tree.
    #[error("the path does not lead to the root before the append")]
    RootBefore,
    /// The new leaf gives another root.
    #[error("the new leaf does not lead to the root after the append")]
    RootAfter,
}

/// Why a proof of a retirement would not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RetireError {
    /// No witness can show this.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The path to the last sector is not one.
    #[error("path to the last sector: {0}")]
    LastPath(OpeningError),
    /// The path to the removed sector, with the last taken out, is not one.
    #[error("path to the removed sector: {0}")]
    HolePath(OpeningError),
    /// The path to the last sector belongs to another tree.
    #[error("the path to the last sector does not lead to the root before")]
    RootBefore,
    /// The path to the removed sector is not of the tree without the last.
    #[error("the path to the removed sector does not belong to the tree without the last")]
    RootBetween,
    /// The change gives another root.
    #[error("the change does not lead to the root after")]
    RootAfter,
    /// When the last sector is removed, the removed and the moved are the same.
    #[error("the last sector is removed, but the removed and the moved differ")]
    NotTheLast,
}

/// Why a proof of inclusion would not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IncludeError {
    /// No witness can show this.
    #[error("place {place}: {source}")]
    Statement {
        /// Which of the places for pieces.
        place: usize,
        /// What is wrong.
        source: StatementError,
    },
    /// The number of paths is fixed.
    #[error(transparent)]
    Width(#[from] StatementError),
    /// The path from the piece to the sector's root is not one.
    #[error("place {place}: {source}")]
    Path {
        /// Which of the places for pieces.
        place: usize,
        /// What is wrong.
        source: OpeningError,
    },
    /// The path belongs to another sector.
    #[error("place {place}: the path does not lead to comm_d")]
    CommD {
        /// Which of the places for pieces.
        place: usize,
    },
    /// Another piece lies there.
    #[error("place {place}: what lies there has another comm_p")]
    CommP {
        /// Which of the places for pieces.
        place: usize,
    },
}

/// Why a proof of a dispute would not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DisputeError {
    /// No witness can show this.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// A piece's size is not one of this parameter set.
    #[error("log2 of a piece's leaves is 2 to {max}, got {got}")]
    PieceSize {
        /// The largest.
        max: u8,
        /// The witness.
        got: u8,
    },
    /// The path from the leaves is not one, or the piece has no such group.
    #[error("path from the group's leaves: {0}")]
    Path(#[from] OpeningError),
    /// Other leaves stand there.
    #[error("the path has other leaves in that group")]
    Leaves,
    /// The path belongs to another piece, or to one of another size or length.
    #[error("the path does not lead to comm_p")]
    CommP,
}

/// A group of a piece cannot be opened. The fault of the caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OpenGroupError {
    /// The bytes are no piece.
    #[error(transparent)]
    Piece(#[from] PieceError),
    /// The piece has no such group.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Why a proof of replication would not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReplicaError {
    /// No witness can show this.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The number of columns is fixed.
    #[error("expected the columns of {expected} nodes, got {got}")]
    Columns {
        /// The challenged node and its parents.
        expected: usize,
        /// Columns given.
        got: usize,
    },
    /// A column has one label a layer.
    #[error("column {column} has {expected} labels, got {got}")]
    Labels {
        /// Which column.
        column: usize,
        /// Layers.
        expected: usize,
        /// Labels given.
        got: usize,
    },
    /// The two roots are not those that the sector is committed to with.
    #[error("comm_r is not that of these labels and this replica")]
    CommR,
    /// The path from a node's labels is not one.
    #[error("column {column} (node {node}): {source}")]
    ColumnPath {
        /// Which column.
        column: usize,
        /// Its node.
        node: u32,
        /// What is wrong.
        source: OpeningError,
    },
    /// The path from a node's labels belongs to another tree, or another node.
    #[error("column {column} (node {node}) does not lead to comm_c")]
    CommC {
        /// Which column.
        column: usize,
        /// Its node.
        node: u32,
    },
    /// What stands in a parent's column is no label: it has more than 254 bits.
    #[error("column {column} has no label for layer {layer}: more than 254 bits")]
    NotALabel {
        /// Which column.
        column: usize,
        /// The layer of the label that it was needed for.
        layer: u8,
    },
    /// The node's label is not the hash of its parents' labels for this replica.
    #[error("the label of node {node} in layer {layer} is not that of its parents' labels")]
    Label {
        /// The layer.
        layer: u8,
        /// The challenged node.
        node: u32,
    },
    /// The path from the node's data is not one.
    #[error("data of node {node}: {source}")]
    DataPath {
        /// The challenged node.
        node: u32,
        /// What is wrong.
        source: OpeningError,
    },
    /// The path from the node's data belongs to another sector.
    #[error("the data of node {node} does not lead to comm_d")]
    CommD {
        /// The challenged node.
        node: u32,
    },
    /// The stored leaf is not the data with the label of the last layer added.
    #[error("the replica of node {node} is not its data plus its label")]
    Encoding {
        /// The challenged node.
        node: u32,
    },
    /// The path from the node's replica is not one.
    #[error("replica of node {node}: {source}")]
    ReplicaPath {
        /// The challenged node.
        node: u32,
        /// What is wrong.
        source: OpeningError,
    },
    /// The path from the node's replica belongs to another replica.
    #[error("the replica of node {node} does not lead to the replica's root")]
    ReplicaRoot {
        /// The challenged node.
        node: u32,
    },
}
