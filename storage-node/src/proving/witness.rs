//! The sampled leaves, read from the store and checked against rows and tree before they are believed.

use cairn_merkle::Commitment;
use cairn_merkle::tree::Shape;
use cairn_prover::params::ParamSet;
use cairn_prover::spacetime::{SampleIndex, SpacetimeStatement, SpacetimeWitness, samples};

use crate::chain::{TreeAt, TreeEntry};
use crate::deal::{SectorId, SectorState};
use crate::error::{ProvingError, SectorError, StoreError};
use crate::sector::{Place, open_data_leaf, open_sector_leaf};
use crate::store::{Ledger, SectorRecord};
use crate::translate::{PlacedOpening, window_sample};

/// Reads every sample of a window.
///
/// # Errors
/// [`ProvingError::Rotten`] names sector and leaf of the first sample that the disk does not give back as committed.
pub(crate) fn read_window(
    ledger: &Ledger,
    set: &ParamSet,
    statement: &SpacetimeStatement,
    at: &TreeAt,
) -> Result<SpacetimeWitness, ProvingError> {
    let shape = shape_of(set)?;
    let opened = samples(set, statement)
        .into_iter()
        .map(|index| read_sample(ledger, shape, index, at));
    Ok(SpacetimeWitness {
        samples: opened.collect::<Result<_, _>>()?,
    })
}

fn read_sample(
    ledger: &Ledger,
    shape: Shape,
    index: SampleIndex,
    at: &TreeAt,
) -> Result<cairn_prover::spacetime::Sample, ProvingError> {
    let SampleIndex { sector, leaf } = index;
    let entry = usize::try_from(sector)
        .ok()
        .and_then(|place| at.entries.get(place))
        .ok_or_else(|| ProvingError::Prover {
            reason: format!("a sample asks for place {sector} of {}", at.entries.len()),
        })?;
    let rotten = |error: &dyn std::fmt::Display| ProvingError::Rotten {
        number: entry.number,
        leaf,
        reason: error.to_string(),
    };
    let (id, record) = find_sector(ledger, entry)
        .ok_or_else(|| rotten(&"none of this store's sectors has that commitment"))?;
    let opening =
        open_sector_leaf(ledger.store(), id, &record, shape, leaf).map_err(
            |error| match &error {
                SectorError::Store(cause) if !cause.is_damage() => ProvingError::Sector(error),
                _ => rotten(&error),
            },
        )?;
    let provider = at
        .tree
        .open(u64::from(sector))
        .map_err(|error| ProvingError::Prover {
            reason: error.to_string(),
        })?;
    Ok(window_sample(
        entry,
        record.state.sealed().map(|(_, sealed)| sealed.comm_c),
        opening,
        provider,
    ))
}

/// The sector whose bytes are committed to by a place of the tree.
fn find_sector(ledger: &Ledger, entry: &TreeEntry) -> Option<(SectorId, SectorRecord)> {
    let has = |comm_r: &Commitment| *comm_r == entry.comm_r;
    let mut found =
        ledger.sectors(|record| record.state.comm_r().is_some_and(|comm_r| has(&comm_r)));
    // One that was retired after the freeze is still asked for; of two with the same bytes the one that stays is read.
    found.sort_by_key(|(_, record)| !matches!(record.state, SectorState::Retired { .. }));
    found.pop()
}

/// Reads the first leaf of each of these places of a sector.
///
/// # Errors
/// The disk's, and rot.
pub(crate) fn read_include(
    ledger: &Ledger,
    set: &ParamSet,
    sector: SectorId,
    places: &[Place],
) -> Result<Vec<PlacedOpening>, ProvingError> {
    let shape = shape_of(set)?;
    let open = |place: &Place| {
        let opening = open_data_leaf(ledger.store(), sector, shape, place.offset_leaves)?;
        Ok(PlacedOpening {
            place: *place,
            opening,
        })
    };
    places.iter().map(open).collect()
}

/// The shape of the set's sectors.
pub(crate) fn shape_of(set: &ParamSet) -> Result<Shape, ProvingError> {
    Shape::new(set.sector_log2_leaves).map_err(|_| {
        ProvingError::Store(StoreError::BadRecord {
            what: "parameter set",
            field: "sector size",
        })
    })
}
