//! The Groth16 keys of the deployment's parameter set. Every statement is decided natively first and every proof is
//! verified here, so that nothing false is ever sent.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cairn_contracts::{CircuitSet, KeyRecord};
use cairn_merkle::Fr;
use cairn_prover::append::{self, AppendCircuit, AppendStatement, AppendWitness};
use cairn_prover::circuits::{Circuit, CircuitName};
use cairn_prover::dispute::{self, DisputeCircuit, DisputeStatement, DisputeWitness};
use cairn_prover::groth16::{self, Key, Watch, export};
use cairn_prover::include::{self, IncludeCircuit, IncludeStatement, IncludeWitness};
use cairn_prover::keys::{self, Progress};
use cairn_prover::params::ParamSet;
use cairn_prover::replica::{self, ReplicaCircuit, ReplicaStatement, VanillaProof};
use cairn_prover::spacetime::{self, SpacetimeCircuit, SpacetimeStatement, SpacetimeWitness};

use crate::error::{NodeError, ProvingError};

/// Gives 32 secret random bytes.
pub type RandomSource = Arc<dyn Fn() -> [u8; 32] + Send + Sync>;

/// The keys this node proves with.
pub struct ProverKeys {
    set: &'static ParamSet,
    spacetime: Key,
    append: Key,
    include: Key,
    replica: ReplicaKey,
    random: RandomSource,
}

/// The biggest key is read when the first replica is proven: a node that never seals never needs it.
struct ReplicaKey {
    folder: PathBuf,
    deployed: Option<[u8; 32]>,
    loaded: OnceLock<Key>,
}

/// Work that lets others pass between its units.
struct Paced<'a>(&'a (dyn Fn() + Sync));

impl Watch for Paced<'_> {
    fn pass(&self) {
        (self.0)();
    }
}

/// Makes the proofs of replication, one a partition.
pub trait ReplicaProver: Send + Sync {
    /// Proves one partition; `pass` is called between small units of work and may wait.
    ///
    /// # Errors
    /// [`ProvingError::Prover`]: the vanilla proof does not show the statement, the key cannot be used, or proving failed.
    fn prove(
        &self,
        statement: &ReplicaStatement,
        vanilla: VanillaProof,
        pass: &(dyn Fn() + Sync),
    ) -> Result<[u8; 512], ProvingError>;
}

impl ReplicaProver for ProverKeys {
    fn prove(
        &self,
        statement: &ReplicaStatement,
        vanilla: VanillaProof,
        pass: &(dyn Fn() + Sync),
    ) -> Result<[u8; 512], ProvingError> {
        replica::check(self.set, statement, &vanilla)
            .map_err(|error| prover("the vanilla proof", &error))?;
        let inputs = statement.public_inputs();
        let circuit = ReplicaCircuit::new(*self.set, statement.clone(), vanilla);
        let (key, circuit) = (self.replica_key()?, Circuit::Replica(circuit));
        finish(key, circuit, &inputs, &self.random, &Paced(pass))
    }
}

impl std::fmt::Debug for ProverKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProverKeys")
            .field("set", &self.set.name)
            .finish_non_exhaustive()
    }
}

impl ProverKeys {
    /// Loads the keys of a set; missing ones of a development set are made first. Where the deployment is given, its
    /// circuit ids must be those of the keys. Takes a while: run it where blocking is allowed.
    ///
    /// # Errors
    /// The folder cannot be used, a file is damaged, a key needs a ceremony, or the deployment has other circuits.
    pub fn load(
        folder: &Path,
        set: &'static ParamSet,
        deployed: Option<&CircuitSet<KeyRecord>>,
        random: RandomSource,
    ) -> Result<Self, NodeError> {
        let start = |error: &dyn std::fmt::Display| NodeError::Start {
            doing: "loading the Groth16 keys",
            reason: error.to_string(),
        };
        keys::ensure(folder, set, |step| {
            if matches!(step, Progress::Making { .. }) {
                tracing::info!(?step, "making a development key");
            }
        })
        .map_err(|error| start(&error))?;
        let load = |circuit: CircuitName, record: Option<&KeyRecord>| {
            let key = keys::load(folder, set, circuit).map_err(|error| start(&error))?;
            match record {
                Some(record) if record.circuit_id != *key.identity().circuit_id.as_bytes() => {
                    Err(start(&format!(
                        "the deployment has another {circuit} circuit than this program"
                    )))
                }
                _ => Ok(key),
            }
        };
        Ok(Self {
            set,
            spacetime: load(CircuitName::Spacetime, deployed.map(|keys| &keys.spacetime))?,
            append: load(CircuitName::Append, deployed.map(|keys| &keys.append))?,
            include: load(CircuitName::Include, deployed.map(|keys| &keys.include))?,
            replica: ReplicaKey {
                folder: folder.into(),
                deployed: deployed.map(|keys| keys.replica.circuit_id),
                loaded: OnceLock::new(),
            },
            random,
        })
    }

    /// The key of proofs of replication, read at the first call.
    ///
    /// # Errors
    /// The file is damaged or its circuit is not the deployment's.
    pub fn replica_key(&self) -> Result<&Key, ProvingError> {
        if let Some(key) = self.replica.loaded.get() {
            return Ok(key);
        }
        let key = keys::load(&self.replica.folder, self.set, CircuitName::Replica)
            .map_err(|error| prover("the key of replicas", &error))?;
        let ours = *key.identity().circuit_id.as_bytes();
        if self.replica.deployed.is_some_and(|id| id != ours) {
            return Err(prover(
                "the key of replicas",
                &"the deployment has another replica circuit than this program",
            ));
        }
        Ok(self.replica.loaded.get_or_init(|| key))
    }

    /// The parameter set.
    #[must_use]
    pub const fn set(&self) -> &'static ParamSet {
        self.set
    }

    /// What window proofs verify under.
    #[must_use]
    pub const fn window_key(&self) -> &groth16::VerifyingKey {
        self.spacetime.verifying_key()
    }

    /// Proves a window.
    ///
    /// # Errors
    /// [`ProvingError::Prover`]: the statement does not hold for this witness, or proving failed.
    pub fn prove_window(
        &self,
        statement: &SpacetimeStatement,
        witness: SpacetimeWitness,
    ) -> Result<[u8; 512], ProvingError> {
        spacetime::check(self.set, statement, &witness)
            .map_err(|error| prover("the window's statement", &error))?;
        let inputs = statement.public_inputs();
        let circuit = SpacetimeCircuit::new(*self.set, statement.clone(), witness);
        self.finish(&self.spacetime, Circuit::Spacetime(circuit), &inputs)
    }

    /// Proves an append.
    ///
    /// # Errors
    /// As [`Self::prove_window`].
    pub fn prove_append(
        &self,
        statement: &AppendStatement,
        witness: AppendWitness,
    ) -> Result<[u8; 512], ProvingError> {
        append::check(self.set, statement, &witness)
            .map_err(|error| prover("the append's statement", &error))?;
        let inputs = statement.public_inputs();
        let circuit = AppendCircuit::new(*self.set, statement.clone(), witness);
        self.finish(&self.append, Circuit::Append(circuit), &inputs)
    }

    /// Proves an inclusion.
    ///
    /// # Errors
    /// As [`Self::prove_window`].
    pub fn prove_include(
        &self,
        statement: &IncludeStatement,
        witness: IncludeWitness,
    ) -> Result<[u8; 512], ProvingError> {
        include::check(self.set, statement, &witness)
            .map_err(|error| prover("the inclusion's statement", &error))?;
        let inputs = statement.public_inputs();
        let circuit = IncludeCircuit::new(*self.set, statement.clone(), witness);
        self.finish(&self.include, Circuit::Include(circuit), &inputs)
    }

    fn finish(
        &self,
        key: &Key,
        circuit: Circuit,
        inputs: &[Fr],
    ) -> Result<[u8; 512], ProvingError> {
        finish(key, circuit, inputs, &self.random, &())
    }
}

fn finish(
    key: &Key,
    circuit: Circuit,
    inputs: &[Fr],
    random: &RandomSource,
    watch: &impl Watch,
) -> Result<[u8; 512], ProvingError> {
    let mut rng = groth16::blinding_rng(random());
    let proof = groth16::prove_watched(key, circuit, &mut rng, watch)
        .map_err(|error| prover("the prover", &error))?;
    groth16::verify(key.verifying_key(), &proof, inputs)
        .map_err(|error| prover("our own proof", &error))?;
    Ok(export::proof_to_evm(&proof))
}

/// Proves what lies in a group of a piece under its commitment. Loads the key for it: nobody disputes twice a day.
///
/// # Errors
/// [`ProvingError::Prover`]: the statement does not hold for this witness, the key is missing or of another circuit than
/// the deployment's, or proving failed.
pub fn prove_dispute(
    folder: &Path,
    set: &'static ParamSet,
    deployed: &KeyRecord,
    (statement, witness): (&DisputeStatement, DisputeWitness),
    random: &RandomSource,
) -> Result<[u8; 512], ProvingError> {
    dispute::check(set, statement, &witness)
        .map_err(|error| prover("the dispute's statement", &error))?;
    keys::ensure(folder, set, |_| {}).map_err(|error| prover("the keys", &error))?;
    let key = keys::load(folder, set, CircuitName::Dispute)
        .map_err(|error| prover("the key of disputes", &error))?;
    if deployed.circuit_id != *key.identity().circuit_id.as_bytes() {
        let reason = "the deployment has another dispute circuit than this program";
        return Err(prover("the key of disputes", &reason));
    }
    let inputs = statement.public_inputs();
    let circuit = DisputeCircuit::new(*set, statement.clone(), witness);
    finish(&key, Circuit::Dispute(circuit), &inputs, random, &())
}

fn prover(what: &str, error: &dyn std::fmt::Display) -> ProvingError {
    ProvingError::Prover {
        reason: format!("{what}: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use cairn_prover::params::TEST;
    use cairn_wire::Address;

    use super::*;

    #[test]
    fn keys_of_other_circuits_than_the_deployments_are_refused() {
        let folder = std::env::temp_dir().join("cairn-test-keys");
        let set = ParamSet::by_name(TEST.name).unwrap();
        let load = |deployed: Option<&CircuitSet<KeyRecord>>| {
            ProverKeys::load(&folder, set, deployed, Arc::new(|| [7; 32]))
        };
        load(None).unwrap();
        let record = |circuit| {
            let key = keys::load(&folder, set, circuit).unwrap();
            KeyRecord {
                address: Address([0; 20]),
                circuit_id: *key.identity().circuit_id.as_bytes(),
                key_hash: [0; 32],
            }
        };
        let same = CircuitSet {
            spacetime: record(CircuitName::Spacetime),
            append: record(CircuitName::Append),
            retire: record(CircuitName::Retire),
            include: record(CircuitName::Include),
            replica: record(CircuitName::Replica),
            dispute: record(CircuitName::Dispute),
        };
        load(Some(&same)).unwrap().replica_key().unwrap();
        let of_others: [fn(&mut CircuitSet<KeyRecord>) -> &mut KeyRecord; 4] = [
            |all| &mut all.spacetime,
            |all| &mut all.append,
            |all| &mut all.include,
            |all| &mut all.replica,
        ];
        for (place, one) in of_others.into_iter().enumerate() {
            let mut other = same.clone();
            one(&mut other).circuit_id[0] ^= 1;
            let refused = match load(Some(&other)) {
                // The biggest key is looked at when it is wanted.
                Ok(keys) => keys.replica_key().err().map(|error| error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            let refused = refused.unwrap_or_default();
            assert!(refused.contains("circuit than"), "{place}: {refused}");
        }
    }
}
