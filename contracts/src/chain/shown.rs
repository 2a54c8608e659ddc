//! What the contracts show of themselves, held against the deployment file.

use alloy::primitives::{Bytes, keccak256};
use cairn_wire::Address;
use serde_json::json;

use super::{Chain, Contract};
use crate::abi::challenges::Challenges;
use crate::abi::collateral::Collateral;
use crate::abi::disputes::Disputes;
use crate::abi::repairs::Repairs;
use crate::abi::replicas::Replicas;
use crate::abi::sectors::Sectors;
use crate::abi::{beacon::Beacon, deals::Deals};
use crate::convert::{commitment, ours};
use crate::deploy::KeyPlan;
use crate::deployment::{
    ChallengeTerms, CircuitSet, CollateralTerms, KeyRecord, RepairTerms, ReplicaTerms,
};
use crate::error::ChainError;
use crate::schedule::Schedule;

impl Chain {
    /// The verifying keys the contracts use: where they are, their circuits' ids, the hash of their bytes. Read from the
    /// chain, not from the deployment file.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn shown_keys(&self) -> Result<CircuitSet<KeyRecord>, ChainError> {
        Ok(CircuitSet {
            spacetime: self.shown_key(0).await?,
            append: self.shown_key(1).await?,
            retire: self.shown_key(2).await?,
            include: self.shown_key(3).await?,
            replica: self.shown_key(4).await?,
            dispute: self.shown_key(5).await?,
        })
    }

    /// The same keys as bytes (EVM encoding, without the leading STOP byte) with their circuits' ids, for a caller who
    /// knows which keys it was built with.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn deployed_keys(&self) -> Result<CircuitSet<KeyPlan>, ChainError> {
        Ok(CircuitSet {
            spacetime: self.deployed_key(0).await?.1,
            append: self.deployed_key(1).await?.1,
            retire: self.deployed_key(2).await?.1,
            include: self.deployed_key(3).await?.1,
            replica: self.deployed_key(4).await?.1,
            dispute: self.deployed_key(5).await?.1,
        })
    }

    async fn shown_key(&self, which: u8) -> Result<KeyRecord, ChainError> {
        let (address, deployed) = self.deployed_key(which).await?;
        Ok(KeyRecord {
            address,
            circuit_id: deployed.circuit_id,
            key_hash: keccak256(&deployed.key).0,
        })
    }

    async fn deployed_key(&self, which: u8) -> Result<(Address, KeyPlan), ChainError> {
        let shown = self
            .view(Contract::Sectors, &Sectors::circuitCall { which })
            .await?;
        let method = "eth_getCode";
        let code: Bytes = self
            .rpc()
            .call(method, json!([shown.key, "latest"]))
            .await
            .map_err(|failure| failure.into_error(method))?;
        // The first byte is STOP, so that nobody can run a key.
        let key = code.get(1..).unwrap_or_default().to_vec();
        let circuit_id = shown.id.0;
        Ok((ours(shown.key), KeyPlan { circuit_id, key }))
    }

    /// The schedule the contracts keep, read from the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn shown_schedule(&self) -> Result<Schedule, ChainError> {
        let shown = self
            .view(Contract::Sectors, &Sectors::scheduleCall {})
            .await?;
        Ok(Schedule {
            t0_unix: shown.t0,
            period_s: shown.period,
            freeze_s: shown.freeze,
            due_s: shown.due,
            genesis_unix: shown.genesis,
            round_s: shown.roundSeconds,
        })
    }

    /// What the contracts demand of replicas, read from the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn shown_replica_terms(&self) -> Result<ReplicaTerms, ChainError> {
        let shown = self
            .view(Contract::Replicas, &Replicas::termsCall {})
            .await?;
        Ok(ReplicaTerms {
            layers: shown.layers,
            partitions: shown.partitions,
            ticket_age_s: shown.ticketAge,
            seed_delay_s: shown.seedDelay,
            due_s: shown.due,
            deposit: shown.deposit,
        })
    }

    /// What the contracts demand of providers, read from the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn shown_collateral_terms(&self) -> Result<CollateralTerms, ChainError> {
        let shown = self
            .view(Contract::Collateral, &Collateral::termsCall {})
            .await?;
        Ok(CollateralTerms {
            fault_periods: shown.faultPeriods,
            repair_periods: shown.repairPeriods,
            misses_to_end: shown.missesToEnd,
            bounty_basis_points: shown.bountyBasisPoints,
            withdraw_delay_s: shown.withdrawDelay,
            maintenance_periods: shown.maintenancePeriods,
            maintenance_every: shown.maintenanceEvery,
            least_fault: shown.leastFault,
            most_fault: shown.mostFault,
        })
    }

    /// The beacon's public key (G2, EIP-2537), read from the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn shown_beacon_key(&self) -> Result<Vec<u8>, ChainError> {
        Ok(self
            .view(Contract::Beacon, &Beacon::publicKeyCall {})
            .await?
            .to_vec())
    }

    /// Holds everything the contracts show against the deployment file.
    pub(crate) async fn check_shown(&self) -> Result<(), ChainError> {
        let deployment = self.deployment();
        let parameters = &deployment.parameters;
        let name = self
            .view(Contract::Sectors, &Sectors::parameterSetCall {})
            .await?;
        same("parameter set", &parameters.name, &name)?;
        let leaves = self
            .view(Contract::Sectors, &Sectors::sectorLog2LeavesCall {})
            .await?;
        same(
            "sector_log2_leaves",
            &parameters.sector_log2_leaves,
            &leaves,
        )?;
        let levels = self
            .view(Contract::Sectors, &Sectors::treeLevelsCall {})
            .await?;
        same("tree_levels", &parameters.tree_levels, &levels)?;
        let width = self
            .view(Contract::Sectors, &Sectors::includeWidthCall {})
            .await?;
        same("include_width", &parameters.include_width, &width)?;
        let samples = self
            .view(Contract::Sectors, &Sectors::postSamplesCall {})
            .await?;
        same(
            "post_samples",
            &parameters.post_samples,
            &u32::from(samples),
        )?;
        let empty = self
            .view(Contract::Sectors, &Sectors::emptyRootCall {})
            .await?;
        same(
            "empty_root",
            &parameters.empty_root,
            &commitment(empty, "Sectors.emptyRoot")?,
        )?;
        same(
            "schedule",
            &deployment.schedule,
            &self.shown_schedule().await?,
        )?;
        same("keys", &deployment.keys, &self.shown_keys().await?)?;
        let verifier = self
            .view(Contract::Sectors, &Sectors::verifierCall {})
            .await?;
        same("verifier", &deployment.verifier, &ours(verifier))?;
        let beacon = self
            .view(Contract::Sectors, &Sectors::beaconCall {})
            .await?;
        same("beacon", &deployment.beacon, &ours(beacon))?;
        let bound = self.view(Contract::Sectors, &Sectors::dealsCall {}).await?;
        same("deals", &deployment.deals, &ours(bound))?;
        let sectors = self.view(Contract::Deals, &Deals::sectorsCall {}).await?;
        same("sectors", &deployment.sectors, &ours(sectors))?;
        let token = self.view(Contract::Deals, &Deals::tokenCall {}).await?;
        same("token", &deployment.token, &ours(token))?;
        let providers = self.view(Contract::Deals, &Deals::providersCall {}).await?;
        same("providers", &deployment.providers, &ours(providers))?;
        self.check_replicas_shown().await?;
        self.check_collateral_shown().await?;
        self.check_guards_shown().await
    }

    /// The part of [`Self::check_shown`] that is about replicas.
    async fn check_replicas_shown(&self) -> Result<(), ChainError> {
        let deployment = self.deployment();
        let bound = self
            .view(Contract::Sectors, &Sectors::replicasCall {})
            .await?;
        same("replicas", &deployment.replicas, &ours(bound))?;
        same(
            "replica_terms",
            &deployment.replica_terms,
            &self.shown_replica_terms().await?,
        )?;
        let sectors = self
            .view(Contract::Replicas, &Replicas::sectorsCall {})
            .await?;
        same("sectors", &deployment.sectors, &ours(sectors))?;
        let token = self
            .view(Contract::Replicas, &Replicas::tokenCall {})
            .await?;
        same("token", &deployment.token, &ours(token))?;
        let shown = self
            .view(Contract::Replicas, &Replicas::porepIdCall {})
            .await?;
        let expected = deployment.replica_binding().porep_id();
        same("porep_id", &expected, &shown.to_le_bytes::<32>())
    }
}

impl Chain {
    /// The part of [`Self::check_shown`] that is about collateral.
    async fn check_collateral_shown(&self) -> Result<(), ChainError> {
        let deployment = self.deployment();
        let charged = self
            .view(Contract::Sectors, &Sectors::collateralCall {})
            .await?;
        same("collateral", &deployment.collateral, &ours(charged))?;
        let locked = self
            .view(Contract::Deals, &Deals::collateralCall {})
            .await?;
        same("collateral", &deployment.collateral, &ours(locked))?;
        same(
            "collateral_terms",
            &deployment.collateral_terms,
            &self.shown_collateral_terms().await?,
        )?;
        let moved = self
            .view(Contract::Collateral, &Collateral::dealsCall {})
            .await?;
        same("deals", &deployment.deals, &ours(moved))?;
        let token = self
            .view(Contract::Collateral, &Collateral::tokenCall {})
            .await?;
        same("token", &deployment.token, &ours(token))
    }
}

impl Chain {
    /// What a direct challenge costs, read from the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn shown_challenge_terms(&self) -> Result<ChallengeTerms, ChainError> {
        let shown = self
            .view(Contract::Challenges, &Challenges::termsCall {})
            .await?;
        Ok(ChallengeTerms {
            bond: shown.bond,
            per_step: shown.perStep,
            answer_due_s: shown.answerDue,
            cooldown_s: shown.cooldown,
        })
    }

    /// What the contracts demand of repairers, read from the chain.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn shown_repair_terms(&self) -> Result<RepairTerms, ChainError> {
        let shown = self.view(Contract::Repairs, &Repairs::termsCall {}).await?;
        Ok(RepairTerms {
            commit_age_s: shown.commitAge,
            commit_life_s: shown.commitLife,
            right_life_s: shown.rightLife,
            claim_s: shown.claimSeconds,
            seal_periods: shown.sealPeriods,
            seal_bond: shown.sealBond,
        })
    }

    /// The part of [`Self::check_shown`] that is about who frees slots, slashes, and gives freed slots out.
    async fn check_guards_shown(&self) -> Result<(), ChainError> {
        let deployment = self.deployment();
        let repairs = self.view(Contract::Deals, &Deals::repairsCall {}).await?;
        same("repairs", &deployment.repairs, &ours(repairs))?;
        let frees = self
            .view(Contract::Deals, &Deals::challengesCall {})
            .await?;
        same("challenges", &deployment.challenges, &ours(frees))?;
        let slashes = self
            .view(Contract::Collateral, &Collateral::challengesCall {})
            .await?;
        same("challenges", &deployment.challenges, &ours(slashes))?;
        let frees = self.view(Contract::Deals, &Deals::disputesCall {}).await?;
        same("disputes", &deployment.disputes, &ours(frees))?;
        let slashes = self
            .view(Contract::Collateral, &Collateral::disputesCall {})
            .await?;
        same("disputes", &deployment.disputes, &ours(slashes))?;
        let deals = self
            .view(Contract::Challenges, &Challenges::dealsCall {})
            .await?;
        same("deals", &deployment.deals, &ours(deals))?;
        let deals = self
            .view(Contract::Disputes, &Disputes::dealsCall {})
            .await?;
        same("deals", &deployment.deals, &ours(deals))?;
        let deals = self.view(Contract::Repairs, &Repairs::dealsCall {}).await?;
        same("deals", &deployment.deals, &ours(deals))?;
        same(
            "challenge_terms",
            &deployment.challenge_terms,
            &self.shown_challenge_terms().await?,
        )?;
        same(
            "repair_terms",
            &deployment.repair_terms,
            &self.shown_repair_terms().await?,
        )
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    field: &'static str,
    expected: &T,
    got: &T,
) -> Result<(), ChainError> {
    if expected == got {
        return Ok(());
    }
    Err(ChainError::OtherDeployment {
        field,
        expected: format!("{expected:?}"),
        got: format!("{got:?}"),
    })
}
