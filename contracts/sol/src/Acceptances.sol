// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {Activation, Slot} from "./DealTypes.sol";

/// @title The owner's EIP-712 signature that a provider holds the right piece.
/// @dev Domain: name "Cairn", version "1", this chain, this contract. ECDSA of secp256k1, low s only, 65 bytes.
abstract contract Acceptances is EIP712 {
    bytes32 internal constant ACCEPTANCE_TYPEHASH = keccak256(
        "Acceptance(uint64 deal,uint8 slot,address provider,bytes32 contentId,uint256 commP,uint8 b,uint64 byteLen,uint64 expiry)"
    );

    constructor() EIP712("Cairn", "1") {}

    /// @notice The digest an owner signs to accept that `piece.provider` holds the piece of a slot.
    function acceptanceDigest(uint64 deal, uint8 slot, Slot calldata piece, uint256 commP, uint64 expiry)
        public
        view
        returns (bytes32)
    {
        bytes memory words = abi.encode(
            ACCEPTANCE_TYPEHASH,
            deal,
            slot,
            piece.provider,
            piece.contentId,
            commP,
            piece.b,
            piece.byteLen,
            expiry
        );
        return _hashTypedDataV4(keccak256(words));
    }

    /// Whether `owner` signed the activation's acceptance.
    function _accepted(Activation calldata a, Slot calldata piece, address owner) internal view returns (bool) {
        bytes32 digest = acceptanceDigest(a.deal, a.slot, piece, a.commP, a.expiry);
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(digest, a.acceptance);
        return problem == ECDSA.RecoverError.NoError && signer == owner;
    }
}
