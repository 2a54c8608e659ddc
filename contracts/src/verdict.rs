//! Tells a contract's refusal from the RPC node's troubles.

use std::fmt;

use cairn_wire::Address;

use crate::error::{ChainError, Refusal};
use crate::revert;
use crate::rpc::RpcFailure;

/// What was called, for errors and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) contract: &'static str,
    pub(crate) function: &'static str,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.contract, self.function)
    }
}

/// The code nodes give a reverted call.
const REVERTED: i64 = 3;

/// What a failed `method`, asked on behalf of `call`, means.
pub(crate) fn read_failure(
    failure: RpcFailure,
    call: &Call,
    method: &'static str,
    account: Address,
) -> ChainError {
    match failure {
        RpcFailure::Error {
            code,
            message,
            data,
        } => {
            let said = message.to_ascii_lowercase();
            if data.is_some() || code == REVERTED || said.contains("revert") {
                let (error, arguments) = revert::decode(&data.unwrap_or_default());
                let (contract, function) = (call.contract.to_owned(), call.function.to_owned());
                return ChainError::Refused(Box::new(Refusal {
                    contract,
                    function,
                    error,
                    arguments,
                }));
            }
            if said.contains("insufficient funds") {
                return ChainError::Funds {
                    account,
                    function: call.to_string(),
                    message,
                };
            }
            ChainError::Rpc {
                method,
                code,
                message,
            }
        }
        other => other.into_error(method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Call = Call {
        contract: "Deals",
        function: "settle",
    };

    fn read(code: i64, message: &str, data: Option<Vec<u8>>) -> ChainError {
        read_failure(
            RpcFailure::Error {
                code,
                message: message.into(),
                data,
            },
            &CALL,
            "eth_call",
            Address::ZERO,
        )
    }

    #[test]
    fn a_revert_is_the_contracts_and_the_rest_is_not() {
        let refused = read(3, "execution reverted", Some(vec![1, 2, 3, 4]));
        assert!(refused.is_refusal("unknown"), "with bytes: {refused}");
        assert!(
            read(-32000, "execution reverted", None).is_refusal("unknown"),
            "without bytes"
        );
        assert!(
            matches!(
                read(-32000, "Insufficient funds for gas", None),
                ChainError::Funds { .. }
            ),
            "no ether"
        );
        assert!(
            matches!(
                read(-32603, "internal error", None),
                ChainError::Rpc { code: -32603, .. }
            ),
            "node trouble"
        );
    }
}
