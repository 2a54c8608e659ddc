//! The parameter sets: every number the protocol leaves open, in one table.
//!
//! A set fixes the circuits (and with them the keys) as well as the clock of a deployment. Two sets that differ in any
//! number that a circuit sees have different circuit ids, so a proof made for one can never verify for another.
//!
//! | set | sector | use |
//! |---|---|---|
//! | `test` | 8 KiB | unit tests |
//! | `small` | 2 MiB | end-to-end tests |
//! | `devnet` | 32 MiB | demonstration |
//! | `peer` | 8 MiB | comparison with other proof systems at equal size |
//! | `testnet` | 512 MiB | benchmarks at real depth |
//! | `mainnet` | 8 GiB | production; keys only from a ceremony, so none yet |

/// Bytes of one stored leaf: a canonical field element, little-endian.
pub const LEAF_BYTES: u64 = 32;

/// Seconds between two rounds of the beacon; every time of a set is a multiple of it.
pub const ROUND_S: u64 = 3;

/// Arity of every tree, as a power of two.
const LOG2_ARITY: u32 = 4;

/// One column of numbers that a whole deployment shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParamSet {
    /// Name on the command line, in key file headers and on chain; at most 16 bytes of lower-case ASCII.
    pub name: &'static str,
    /// log2 of the leaves (32 bytes each) of a sector.
    pub sector_log2_leaves: u32,
    /// Largest log2 of the leaves of one piece.
    pub b_max: u8,
    /// Layers of labels of a sealed sector.
    pub layers: u8,
    /// Challenged nodes of one proof of replication, one proof each.
    pub porep_challenges: u32,
    /// Samples of one proof of spacetime, whatever the provider stores.
    pub post_samples: u32,
    /// Levels of a provider tree: it holds up to 16^levels sectors.
    pub tree_levels: u32,
    /// Pieces that one inclusion proof speaks about.
    pub include_width: usize,
    /// Seconds from one period to the next.
    pub period_s: u64,
    /// Seconds before the round's time at which the trees of a period are frozen.
    pub freeze_s: u64,
    /// Seconds after the round's time at which a proof of the period is due.
    pub due_s: u64,
    /// Seconds that the round whose randomness is a replica's ticket may be old when the replica is precommitted.
    pub ticket_age_s: u64,
    /// Seconds between a precommit and the earliest round that may seed its challenges.
    pub seed_delay_s: u64,
    /// Seconds that a provider has, from the moment the seed is known on chain, to prove its replica.
    pub replica_due_s: u64,
    /// Whether the keys come from a public seed, so that anybody can forge proofs under them.
    ///
    /// Deployment tools refuse such a set outside development chains.
    pub insecure_keys: bool,
}

/// Unit tests: 8 KiB sectors, keys made in seconds.
pub const TEST: ParamSet = ParamSet {
    name: "test",
    sector_log2_leaves: 8,
    b_max: 6,
    layers: 2,
    porep_challenges: 1,
    post_samples: 2,
    tree_levels: 1,
    include_width: 2,
    period_s: 12,
    freeze_s: 2,
    due_s: 8,
    ticket_age_s: 600,
    seed_delay_s: 2,
    replica_due_s: 600,
    insecure_keys: true,
};

/// End-to-end tests: 2 MiB sectors.
pub const SMALL: ParamSet = ParamSet {
    name: "small",
    sector_log2_leaves: 16,
    b_max: 13,
    layers: 2,
    porep_challenges: 1,
    post_samples: 2,
    tree_levels: 1,
    include_width: 2,
    period_s: 24,
    freeze_s: 3,
    due_s: 18,
    ticket_age_s: 600,
    seed_delay_s: 3,
    replica_due_s: 600,
    insecure_keys: true,
};

/// The demonstration: 32 MiB sectors.
pub const DEVNET: ParamSet = ParamSet {
    name: "devnet",
    sector_log2_leaves: 20,
    b_max: 17,
    layers: 2,
    porep_challenges: 1,
    post_samples: 4,
    tree_levels: 3,
    include_width: 2,
    period_s: 36,
    freeze_s: 6,
    due_s: 27,
    ticket_age_s: 3600,
    seed_delay_s: 6,
    replica_due_s: 1800,
    insecure_keys: true,
};

/// Comparison at the sector size, layers and challenges of another system's test set.
pub const PEER: ParamSet = ParamSet {
    name: "peer",
    sector_log2_leaves: 18,
    b_max: 13,
    layers: 2,
    porep_challenges: 2,
    post_samples: 4,
    tree_levels: 3,
    include_width: 2,
    period_s: 36,
    freeze_s: 6,
    due_s: 27,
    ticket_age_s: 3600,
    seed_delay_s: 6,
    replica_due_s: 1800,
    insecure_keys: true,
};

/// Benchmarks at real depth: 512 MiB sectors, re-sealed in minutes, so no guarantee of space.
pub const TESTNET: ParamSet = ParamSet {
    name: "testnet",
    sector_log2_leaves: 24,
    b_max: 20,
    layers: 8,
    porep_challenges: 16,
    post_samples: 128,
    tree_levels: 3,
    include_width: 16,
    period_s: 1800,
    freeze_s: 60,
    due_s: 300,
    ticket_age_s: 172_800,
    seed_delay_s: 900,
    replica_due_s: 86_400,
    insecure_keys: false,
};

/// Production: 8 GiB sectors. Its keys only ever come from a ceremony.
pub const MAINNET: ParamSet = ParamSet {
    name: "mainnet",
    sector_log2_leaves: 28,
    b_max: 22,
    layers: 8,
    porep_challenges: 16,
    post_samples: 128,
    tree_levels: 3,
    include_width: 16,
    period_s: 1800,
    freeze_s: 60,
    due_s: 300,
    ticket_age_s: 172_800,
    seed_delay_s: 900,
    replica_due_s: 86_400,
    insecure_keys: false,
};

/// Every set there is.
pub const ALL: [&ParamSet; 6] = [&TEST, &SMALL, &DEVNET, &PEER, &TESTNET, &MAINNET];

impl ParamSet {
    /// The set of this name, if there is one.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|set| set.name == name)
    }

    /// Leaves of a sector.
    #[must_use]
    pub const fn sector_leaves(&self) -> u64 {
        1 << self.sector_log2_leaves
    }

    /// Bytes of a sector as it is stored.
    #[must_use]
    pub const fn sector_bytes(&self) -> u64 {
        self.sector_leaves() * LEAF_BYTES
    }

    /// Levels of a sector tree; a partial top node counts as a full level.
    #[must_use]
    pub const fn sector_levels(&self) -> u32 {
        self.sector_log2_leaves.div_ceil(LOG2_ARITY)
    }

    /// Sectors that one provider tree holds.
    #[must_use]
    pub const fn max_sectors(&self) -> u32 {
        1 << (LOG2_ARITY * self.tree_levels)
    }

    /// Payload bytes of the largest piece: 127 bytes for each four leaves.
    #[must_use]
    pub const fn max_piece_bytes(&self) -> u64 {
        127 << (self.b_max - 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sector_sizes_are_those_of_the_protocol() {
        const KIB: u64 = 1024;
        const MIB: u64 = 1024 * KIB;
        let sizes = ALL.map(|set| (set.name, set.sector_bytes()));
        let expected = [
            ("test", 8 * KIB),
            ("small", 2 * MIB),
            ("devnet", 32 * MIB),
            ("peer", 8 * MIB),
            ("testnet", 512 * MIB),
            ("mainnet", 8192 * MIB),
        ];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn every_set_fits_the_bit_fields_of_the_statements() {
        for set in ALL {
            assert!(set.name.len() <= 16, "{}: name", set.name);
            assert!(
                set.sector_log2_leaves <= 28,
                "{}: two index samples of 92 bits hold 28 leaf bits",
                set.name
            );
            assert!(
                u32::from(set.b_max) < set.sector_log2_leaves,
                "{}: a piece is smaller than a sector",
                set.name
            );
            assert!(
                set.b_max >= 2,
                "{}: a piece is at least one group of four leaves",
                set.name
            );
            assert!(
                set.tree_levels <= 3,
                "{}: a tree holds at most 4096 sectors",
                set.name
            );
            assert_eq!(
                set.post_samples % 2,
                0,
                "{}: one index hash serves two samples",
                set.name
            );
            assert!(
                set.porep_challenges.is_power_of_two(),
                "{}: bits alone keep a partition in range",
                set.name
            );
            assert_eq!(
                16 % set.layers,
                0,
                "{}: one group holds whole nodes",
                set.name
            );
        }
    }

    #[test]
    fn a_proof_is_due_before_the_next_period_freezes() {
        for set in ALL {
            assert_eq!(
                set.period_s % ROUND_S,
                0,
                "{}: a period is whole rounds",
                set.name
            );
            assert!(
                set.freeze_s + set.due_s < set.period_s,
                "{}: deadline(p) < freeze(p+1)",
                set.name
            );
        }
    }

    #[test]
    fn the_clock_of_a_replica_is_that_of_the_protocol() {
        let clocks = ALL.map(|set| {
            (
                set.name,
                set.ticket_age_s,
                set.seed_delay_s,
                set.replica_due_s,
            )
        });
        let expected = [
            ("test", 600, 2, 600),
            ("small", 600, 3, 600),
            ("devnet", 3600, 6, 1800),
            ("peer", 3600, 6, 1800),
            ("testnet", 172_800, 900, 86_400),
            ("mainnet", 172_800, 900, 86_400),
        ];
        assert_eq!(clocks, expected);
    }

    #[test]
    fn a_replica_can_be_sealed_and_proven_in_its_time() {
        for set in ALL {
            assert!(set.seed_delay_s > 0, "{}: the seed comes later", set.name);
            assert!(
                set.ticket_age_s >= 2 * set.period_s,
                "{}: there is always a posted round young enough for a ticket",
                set.name
            );
            assert!(
                set.replica_due_s >= 2 * set.period_s,
                "{}: a void period does not cost the deposit",
                set.name
            );
        }
    }

    #[test]
    fn a_set_is_found_by_its_name_only() {
        for set in ALL {
            assert_eq!(ParamSet::by_name(set.name), Some(set));
        }
        for wrong in ["", "Test", "test ", "main"] {
            assert_eq!(ParamSet::by_name(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn only_development_sets_have_keys_from_a_public_seed() {
        let insecure: Vec<_> = ALL
            .iter()
            .filter(|set| set.insecure_keys)
            .map(|set| set.name)
            .collect();
        assert_eq!(insecure, ["test", "small", "devnet", "peer"]);
    }

    #[test]
    fn a_partial_top_counts_as_a_level() {
        assert_eq!(DEVNET.sector_levels(), 5);
        assert_eq!(
            PEER.sector_levels(),
            5,
            "2^18 leaves: four full levels and a top of four"
        );
        assert_eq!(DEVNET.max_sectors(), 4096);
        assert_eq!(TEST.max_piece_bytes(), 127 * 16);
    }
}
