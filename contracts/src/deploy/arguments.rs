//! From a plan's numbers to what the contracts' constructors take.

use alloy::primitives::{Address as EvmAddress, B256};

use crate::abi::beacon::Beacon;
use crate::abi::challenges::Challenges;
use crate::abi::collateral::Collateral;
use crate::abi::repairs::Repairs;
use crate::abi::replicas::Replicas;
use crate::abi::sectors::Sectors;
use crate::convert::{evm, word};
use crate::deploy::plan::DeployPlan;
use crate::deployment::{
    ChallengeTerms, CircuitSet, CollateralTerms, KeyRecord, RepairTerms, ReplicaTerms,
};

pub(super) fn sectors_arguments(
    plan: &DeployPlan,
    keys: &CircuitSet<KeyRecord>,
    verifier: EvmAddress,
    beacon: EvmAddress,
) -> Sectors::constructorCall {
    let circuit = |record: &KeyRecord| Sectors::CircuitKey {
        key: evm(record.address),
        id: B256::from(record.circuit_id),
    };
    let parameters = &plan.parameters;
    Sectors::constructorCall {
        verifier_: verifier,
        beacon_: beacon,
        parameters: Sectors::Parameters {
            name: parameters.name.clone(),
            sectorLog2Leaves: parameters.sector_log2_leaves,
            treeLevels: parameters.tree_levels,
            includeWidth: parameters.include_width,
            postSamples: u16::try_from(parameters.post_samples).unwrap_or(u16::MAX),
        },
        circuits: [
            circuit(&keys.spacetime),
            circuit(&keys.append),
            circuit(&keys.retire),
            circuit(&keys.include),
            circuit(&keys.replica),
            circuit(&keys.dispute),
        ],
        emptyRoot_: word(&parameters.empty_root),
    }
}

pub(super) fn terms(terms: &ReplicaTerms) -> Replicas::ReplicaTerms {
    Replicas::ReplicaTerms {
        layers: terms.layers,
        partitions: terms.partitions,
        ticketAge: terms.ticket_age_s,
        seedDelay: terms.seed_delay_s,
        due: terms.due_s,
        deposit: terms.deposit,
    }
}

pub(super) fn challenge_terms(terms: &ChallengeTerms) -> Challenges::ChallengeTerms {
    Challenges::ChallengeTerms {
        bond: terms.bond,
        perStep: terms.per_step,
        answerDue: terms.answer_due_s,
        cooldown: terms.cooldown_s,
    }
}

pub(super) fn repair_terms(terms: &RepairTerms) -> Repairs::RepairTerms {
    Repairs::RepairTerms {
        commitAge: terms.commit_age_s,
        commitLife: terms.commit_life_s,
        rightLife: terms.right_life_s,
        claimSeconds: terms.claim_s,
        sealPeriods: terms.seal_periods,
        sealBond: terms.seal_bond,
    }
}

pub(super) fn collateral_terms(terms: &CollateralTerms) -> Collateral::CollateralTerms {
    Collateral::CollateralTerms {
        faultPeriods: terms.fault_periods,
        repairPeriods: terms.repair_periods,
        missesToEnd: terms.misses_to_end,
        bountyBasisPoints: terms.bounty_basis_points,
        withdrawDelay: terms.withdraw_delay_s,
        maintenancePeriods: terms.maintenance_periods,
        maintenanceEvery: terms.maintenance_every,
        leastFault: terms.least_fault,
        mostFault: terms.most_fault,
    }
}

pub(super) fn schedule(plan: &DeployPlan) -> Beacon::Schedule {
    let schedule = &plan.schedule;
    Beacon::Schedule {
        t0: schedule.t0_unix,
        period: schedule.period_s,
        freeze: schedule.freeze_s,
        due: schedule.due_s,
        genesis: schedule.genesis_unix,
        roundSeconds: schedule.round_s,
    }
}
