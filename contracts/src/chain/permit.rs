//! EIP-2612: the owner's signature that lets a contract take what a call needs.
//!
//! ```text
//! digest = keccak256(0x19 | 0x01 | DOMAIN_SEPARATOR of the token | keccak256(T | owner | spender | value | nonce | deadline))
//! ```
//!
//! The domain separator is read from the token, so any token with a permit will do.

use alloy::primitives::{Address as EvmAddress, B256, U256, keccak256};
use alloy::sol_types::SolValue;
use cairn_wire::SecretKey;

use super::{Chain, Contract};
use crate::abi::token::TestToken;
use crate::convert::evm;
use crate::error::ChainError;

const PERMIT_TYPE: &str =
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)";
/// From the newest block's time on.
const PERMIT_LIFE_S: u64 = 3_600;

impl Chain {
    /// A permit of the account for `spender` over `value`.
    pub(super) async fn permit(
        &self,
        key: &SecretKey,
        spender: Contract,
        value: u128,
    ) -> Result<PermitWords, ChainError> {
        let owner = evm(key.address());
        let domain = self
            .view(Contract::Token, &TestToken::DOMAIN_SEPARATORCall {})
            .await?;
        let nonce = self
            .view(Contract::Token, &TestToken::noncesCall { owner })
            .await?;
        let deadline = self.head().await?.timestamp.saturating_add(PERMIT_LIFE_S);
        let spender = self.address_of(spender);
        let digest = permit_digest(
            domain,
            owner,
            spender,
            U256::from(value),
            nonce,
            U256::from(deadline),
        );
        let signature = key
            .sign_digest(&digest)
            .map_err(|error| ChainError::Argument {
                argument: "key",
                reason: error.to_string(),
            })?;
        let bytes = signature.as_bytes();
        Ok(PermitWords {
            value: U256::from(value),
            deadline: U256::from(deadline),
            v: bytes[64],
            r: B256::from_slice(&bytes[..32]),
            s: B256::from_slice(&bytes[32..64]),
        })
    }
}

/// A permit's words, for whichever contract takes them.
pub(super) struct PermitWords {
    pub(super) value: U256,
    pub(super) deadline: U256,
    pub(super) v: u8,
    pub(super) r: B256,
    pub(super) s: B256,
}

fn permit_digest(
    domain: B256,
    owner: EvmAddress,
    spender: EvmAddress,
    value: U256,
    nonce: U256,
    deadline: U256,
) -> [u8; 32] {
    let permit = (
        keccak256(PERMIT_TYPE),
        owner,
        spender,
        value,
        nonce,
        deadline,
    )
        .abi_encode();
    let digest = [
        [0x19, 0x01].as_slice(),
        domain.as_slice(),
        keccak256(permit).as_slice(),
    ]
    .concat();
    keccak256(digest).0
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::{SolStruct, eip712_domain};

    use super::*;

    alloy::sol! {
        struct Permit {
            address owner;
            address spender;
            uint256 value;
            uint256 nonce;
            uint256 deadline;
        }
    }

    #[test]
    fn the_digest_is_the_one_another_implementation_derives() {
        let (owner, spender) = (EvmAddress::repeat_byte(1), EvmAddress::repeat_byte(2));
        let (value, nonce, deadline) = (U256::from(3), U256::from(4), U256::from(5));
        let domain = eip712_domain! {
            name: "Cairn test token",
            version: "1",
            chain_id: 31337,
            verifying_contract: EvmAddress::repeat_byte(6),
        };
        let theirs = Permit {
            owner,
            spender,
            value,
            nonce,
            deadline,
        }
        .eip712_signing_hash(&domain);
        let ours = permit_digest(domain.separator(), owner, spender, value, nonce, deadline);
        assert_eq!(ours, theirs.0, "EIP-712 by hand and by macro");
    }
}
