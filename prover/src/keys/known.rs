//! The published keys of the development sets: circuit ids and BLAKE3 digests of the verifying keys.
//!
//! Made by `cargo run -p cairn-prover --example known_keys`, on any machine with the same result. A change here is a
//! change of a circuit: every deployment and every stored key of before is of another version.

use crate::circuits::CircuitName;
use crate::groth16::CircuitId;

/// What a key must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Name of the parameter set.
    pub set: &'static str,
    /// Name of the circuit.
    pub circuit: &'static str,
    /// The circuit's id in hexadecimal.
    pub circuit_id: &'static str,
    /// BLAKE3 of the verifying key in hexadecimal.
    pub verifying_key: &'static str,
}

impl KnownKey {
    /// The circuit's id.
    #[must_use]
    pub fn circuit_id(&self) -> Option<CircuitId> {
        CircuitId::from_hex(self.circuit_id)
    }
}

/// The published key of a circuit, if there is one.
#[must_use]
pub fn find(set: &str, circuit: &str) -> Option<&'static KnownKey> {
    KEYS.iter()
        .find(|known| known.set == set && known.circuit == circuit)
}

/// A deployed verifying key is not one that this program was built with: its proofs mean nothing to us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the deployed key of {set}/{circuit} is not the published one: {what} is {got}, published is {expected}"
)]
pub struct NotPublished {
    /// Name of the parameter set.
    pub set: String,
    /// Name of the circuit.
    pub circuit: CircuitName,
    /// What differs.
    pub what: &'static str,
    /// Published ("none" when the set has no published keys).
    pub expected: String,
    /// Deployed.
    pub got: String,
}

/// Whether a key found on a chain, in its EVM encoding, is the published one of this circuit.
///
/// Whoever made a key may know its secrets and forge proofs under it; that the circuit's id is right says nothing, for
/// the contract cannot tie the id to the key.
///
/// # Errors
/// [`NotPublished`].
pub fn check_deployed(
    set: &str,
    circuit: CircuitName,
    circuit_id: &[u8; 32],
    key: &[u8],
) -> Result<(), NotPublished> {
    let known = find(set, circuit.as_str());
    let facts = [
        (
            "circuit id",
            known.map(|known| known.circuit_id),
            hex::encode(circuit_id),
        ),
        (
            "verifying key",
            known.map(|known| known.verifying_key),
            blake3::hash(key).to_hex().to_string(),
        ),
    ];
    for (what, expected, got) in facts {
        let expected = expected.unwrap_or("none");
        if expected != got {
            return Err(NotPublished {
                set: set.to_owned(),
                circuit,
                what,
                expected: expected.to_owned(),
                got,
            });
        }
    }
    Ok(())
}

/// Every published key.
pub const KEYS: &[KnownKey] = &[
    KnownKey {
        set: "test",
        circuit: "spacetime",
        circuit_id: "b5deeb9a52fb21a73c0c303a4bdbda11e9d26f30604574d6a7cd7467aafbde57",
        verifying_key: "87c1b0afba2c339427c6d3b0c903fc21d631b526b0a09bf4e1a9ba92897d5001",
    },
    KnownKey {
        set: "test",
        circuit: "append",
        circuit_id: "891f98df089b583a0121e0e2e695a26022d1ee1cf28556f772943aabdcb81a51",
        verifying_key: "f6fa151d45e2bde28de780db02007839a88f25daa8e74e231c97fab7b65a8acc",
    },
    KnownKey {
        set: "test",
        circuit: "retire",
        circuit_id: "24c403cc93cd7f50e8152ff5bf4b897173d2a62f7e4244aef3ec34e3b466ce3c",
        verifying_key: "b986840139c225bb3cb3fb0f9d025d85ced4c73e6ab3bea46c4fd43b7e6a2e64",
    },
    KnownKey {
        set: "test",
        circuit: "include",
        circuit_id: "378a2b2172a5d84734e4f78e5651a15d5ef656f82212bcf09acb1e170089199f",
        verifying_key: "884d068324f49a86f92d733189c9b008e53b5f2cb3a829adaf0b0adf61249f7c",
    },
    KnownKey {
        set: "test",
        circuit: "replica",
        circuit_id: "4459b1270e2127383468c2c696fcd1b5951a2b33bb9990791d32ba9b315a781b",
        verifying_key: "5b35d830813e76a03159fe514650dde3095b04a3b74fca5fb98e54dfd9e7f29d",
    },
    KnownKey {
        set: "test",
        circuit: "dispute",
        circuit_id: "2a431c9cf3a82783a01209aa6b85cc9bdd62f5cae507968af4b46dc2c9a77d1a",
        verifying_key: "d471434e5df18ea91705b95a93fe8505e099c60fa07713461c7f3dbeb49a7e22",
    },
    KnownKey {
        set: "small",
        circuit: "spacetime",
        circuit_id: "4c913de72801439083c493bd106625444c069ab7534970dfb8867907af0d4b90",
        verifying_key: "e4d26b5b802ee4eb34abf5a65a56d89c0d8fb2c304f64cfb6b44989ce216529c",
    },
    KnownKey {
        set: "small",
        circuit: "append",
        circuit_id: "891f98df089b583a0121e0e2e695a26022d1ee1cf28556f772943aabdcb81a51",
        verifying_key: "c6147087e4e1b799b2e379798d00db93ce8b0272abd5acdcf48e9572bb605307",
    },
    KnownKey {
        set: "small",
        circuit: "retire",
        circuit_id: "24c403cc93cd7f50e8152ff5bf4b897173d2a62f7e4244aef3ec34e3b466ce3c",
        verifying_key: "1315c53d61efb21f3bed6d630ee1dfcaf86070b170e4742b91cca120fa5f5461",
    },
    KnownKey {
        set: "small",
        circuit: "include",
        circuit_id: "bc33a1bcc5141a5a807d94a3a57773c8dc6203d37d0031c296a92a9f9a3b70b0",
        verifying_key: "5f512f18c96707cf90371db66dd77350963ab1d1e1f4e546a62ff84cde41fe7a",
    },
    KnownKey {
        set: "small",
        circuit: "replica",
        circuit_id: "926e63ac0fe9783fc0f8a184e4690e13a00437920ce2076d4298fa08df929b5b",
        verifying_key: "903632736efb3e5b5d4f45324be3ef7fd351633c4fa7720e84ea9cf8555df032",
    },
    KnownKey {
        set: "small",
        circuit: "dispute",
        circuit_id: "f5c160fbe58913b28a77727ede5d78b21fda969dbd19ded5ac0c309ddcf4d25c",
        verifying_key: "67fb1770cdab9fa4977bf5d1b09bbec919c9f252fc5d6cc42b33651fbe0b62ed",
    },
    KnownKey {
        set: "devnet",
        circuit: "spacetime",
        circuit_id: "9b2764f3c8356898e902f496e0137a79e9abdb08110f4ebf33ab284f0077b38e",
        verifying_key: "7b042d819061d79d9d61ef76cd04f87f5c765c93c213d83e1f05af46823e3599",
    },
    KnownKey {
        set: "devnet",
        circuit: "append",
        circuit_id: "af4f8b5e3b56bb1b6ee00a857f2453946348f1270444b38d128db4243a7191c0",
        verifying_key: "bfce6823d53055e3f877729c36066090eb818f81f29b4a15e8ae7c35b5064e30",
    },
    KnownKey {
        set: "devnet",
        circuit: "retire",
        circuit_id: "015feeacb866c5977ed9ab62a3f0c18c98874a5f968ac81fe28fa30fd8817428",
        verifying_key: "c5cebe16593d1ef6bb86212db14b96a630d5bded274115f99e65f05219964bff",
    },
    KnownKey {
        set: "devnet",
        circuit: "include",
        circuit_id: "314987c025f9b6e0f164a04f0163a8f5dd22290580476654fa7b52cb2bea2b6b",
        verifying_key: "b932dd42e0078c92d76ddf19c161cb9e31b80ada7bd4b7a0def61c4b9f85cf0b",
    },
    KnownKey {
        set: "devnet",
        circuit: "replica",
        circuit_id: "90206bb9c9e38451d3993a30d6ae4ef35c07292fea5ca357733c617312df9945",
        verifying_key: "33684a03631741e7a4e4e983e8872e937daced77bedf80da55d8ae68bb0abfd4",
    },
    KnownKey {
        set: "devnet",
        circuit: "dispute",
        circuit_id: "cd4bbd9709b81431b25d98425a3285f959714dda253eeff237ed516cc5a1a171",
        verifying_key: "961d695895c1f56a891d7702d461689fd59058fc9b37db92bf90692008f43aee",
    },
    KnownKey {
        set: "peer",
        circuit: "spacetime",
        circuit_id: "115499bc69e6aee98a7c014a1e32bcd4997924e08182f93aa725ce7c3525f5fd",
        verifying_key: "8b2c58b2593e66b6e782777d0742a4fade86dec67c25be286b7d3df4fd3bd2d0",
    },
    KnownKey {
        set: "peer",
        circuit: "append",
        circuit_id: "af4f8b5e3b56bb1b6ee00a857f2453946348f1270444b38d128db4243a7191c0",
        verifying_key: "f771d8e9ef2517c7140255911ad681d0a21baf76ca627f8e52959da7d6ab6da1",
    },
    KnownKey {
        set: "peer",
        circuit: "retire",
        circuit_id: "015feeacb866c5977ed9ab62a3f0c18c98874a5f968ac81fe28fa30fd8817428",
        verifying_key: "7cc181f6e0cc6aae966d9b09a5f9c60e2919235999111b8e1435b1d068f3d704",
    },
    KnownKey {
        set: "peer",
        circuit: "include",
        circuit_id: "d9d11ef99ab07278e9f403fbcb52305f42e91418b69617d024281e5757d46478",
        verifying_key: "62e4766f1da0daf64fbd56d66d8d5ce308997adcbecdeabff607fb592bfedc27",
    },
    KnownKey {
        set: "peer",
        circuit: "replica",
        circuit_id: "320cc990f8469b96ff632c8f701f81b1483cbab100d092c03a2e2e060b4da884",
        verifying_key: "f0abe30ad198eb77ab1f7ae1f846dc2d0b7d73b56800a5a4ea376b895c3f7bb6",
    },
    KnownKey {
        set: "peer",
        circuit: "dispute",
        circuit_id: "f5c160fbe58913b28a77727ede5d78b21fda969dbd19ded5ac0c309ddcf4d25c",
        verifying_key: "207a5c32920440e3b45b71a8c4b865e40a8b2fdc958988b4f057d057b52bb9b2",
    },
];
