//! The deployed verifier asked about proofs, and the packed words it is given.

use alloy::primitives::U256;
use cairn_contracts::words;
use cairn_wire::Period;

use crate::farm::SET;
use crate::stage::{Stage, TREE, contents};
use crate::world::{PROVIDER, address};

/// Order of the scalar field of BLS12-381.
const ORDER: &str = "0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

#[tokio::test]
async fn a_true_statement_passes_and_no_other_form_of_it_does() {
    let mut stage = Stage::start().await;
    stage.append(&contents()).await;
    let period = Period(1);
    stage.post(period).await;
    let window = stage
        .provider
        .window(address(PROVIDER), TREE, period)
        .await
        .unwrap();
    let (inputs, proof) = (
        stage.farm.window_inputs(&window.seed),
        stage.farm.window(&window.seed),
    );
    let mut word = words::window(window.count, SET.sector_log2_leaves.try_into().unwrap());
    word.reverse();
    assert_eq!(inputs[2], word, "the circuit's word and the twin's");

    let keys = &stage.world.deployment.keys;
    let check = |inputs: Vec<[u8; 32]>| {
        let owner = stage.owner.clone();
        async move { owner.check_proof(&keys.spacetime, &inputs, &proof).await }
    };
    check(inputs.clone()).await.unwrap();
    for place in 0..inputs.len() {
        let mut other = inputs.clone();
        other[place][31] ^= 1;
        let refused = check(other).await.unwrap_err();
        assert!(refused.is_refusal("Verifier_ProofRefused"), "{refused}");
        let mut shifted = inputs.clone();
        let order: U256 = ORDER.parse().unwrap();
        shifted[place] = (U256::from_be_bytes(shifted[place]) + order).to_be_bytes();
        let refused = check(shifted).await.unwrap_err();
        assert!(refused.is_refusal("Verifier_InputOutOfField"), "{refused}");
        let named = refused
            .refusal()
            .and_then(|refusal| refusal.argument("index"));
        assert_eq!(named, Some(place.to_string().as_str()), "which input");
    }
    let another_key = stage
        .owner
        .check_proof(&keys.retire, &inputs, &proof)
        .await
        .unwrap_err();
    assert!(
        another_key.is_refusal("Verifier_ProofRefused"),
        "{another_key}"
    );
}
