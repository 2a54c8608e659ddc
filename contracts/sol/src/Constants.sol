// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Every number the contracts share, once.
library Constants {
    /// Order of the scalar field of BLS12-381; every public input must be below it.
    uint256 internal constant FR = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001;

    /// (p - 1) / 2 of the base field, most significant 16 bytes and the 32 bytes below them.
    uint256 internal constant FP_HALF_HIGH = 0x0d0088f51cbff34d258dd3db21a5d66b;
    uint256 internal constant FP_HALF_LOW = 0xb23ba5c279c2895fb39869507b587b120f55ffff58a9ffffdcff7fffffffd555;
    /// The base field's modulus as 48 bytes, for MODEXP.
    bytes internal constant FP = hex"1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";

    // EIP-2537 encodings: Fp is 16 zero bytes and 48 big-endian bytes; G2 is x.c0, x.c1, y.c0, y.c1.
    /// Generator of G1.
    bytes internal constant G1_GENERATOR =
        hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f"
        hex"c3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        hex"0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4"
        hex"fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";

    /// Generator of G1, negated.
    bytes internal constant G1_GENERATOR_NEGATED =
        hex"0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f"
        hex"c3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"
        hex"00000000000000000000000000000000114d1d6855d545a8aa7d76c8cf2e21f2"
        hex"67816aef1db507c96655b9d5caac42364e6f38ba0ecb751bad54dcd6b939c2ca";

    /// Generator of G2.
    bytes internal constant G2_GENERATOR =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051"
        hex"c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65"
        hex"596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351a"
        hex"adfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"
        hex"000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99"
        hex"cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";

    /// Generator of G2, negated.
    bytes internal constant G2_GENERATOR_NEGATED =
        hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051"
        hex"c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
        hex"0000000000000000000000000000000013e02b6052719f607dacd3a088274f65"
        hex"596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e"
        hex"000000000000000000000000000000000d1b3cc2c7027888be51d9ef691d77bc"
        hex"b679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa"
        hex"0000000000000000000000000000000013fa4d4a0ad8b1ce186ed5061789213d"
        hex"993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed";

    uint256 internal constant G1_BYTES = 128;
    uint256 internal constant G2_BYTES = 256;
    /// A proof is A (G1), B (G2), C (G1).
    uint256 internal constant PROOF_BYTES = 512;
    /// Most public inputs of a circuit (`include` with 16 places has 33): with ic_0 they are 64 points.
    uint256 internal constant MAX_INPUTS = 63;
    /// Most proofs of one batch: the discount table below ends at 64 points.
    uint256 internal constant MAX_BATCH = 64;

    // Prices of EIP-2537; a failing precompile burns what it was given, so exactly these are forwarded.
    uint256 internal constant GAS_G1_ADD = 375;
    uint256 internal constant GAS_G1_MUL = 12_000;
    uint256 internal constant GAS_PAIRING_BASE = 37_700;
    uint256 internal constant GAS_PAIRING_PAIR = 32_600;
    uint256 internal constant GAS_MAP_FP_TO_G1 = 5_500;
    /// MODEXP with exponent 1: 200 by EIP-2565, 500 by EIP-7883; it never fails on our input.
    uint256 internal constant GAS_MODEXP = 1_000;
    /// Discount of a G1 multi-scalar multiplication over 1..64 points, in thousandths, two bytes each.
    bytes internal constant G1_MSM_DISCOUNT =
        hex"03e803b50350031d02fc02ee02e202d802cf02c802c102ba02b402af02aa02a5"
        hex"02a1029d029902950292028e028b0288028502820280027d027b027802760273"
        hex"0271026f026d026b026902670265026302610260025e025c025b025902570256"
        hex"0254025302510250024f024d024c024a02490248024602450244024302410240";

    /// Sector kinds.
    uint8 internal constant KIND_HOT = 0;
    uint8 internal constant KIND_SEALED = 1;

    // Purpose of a seed or an id (the first word hashed).
    bytes32 internal constant PURPOSE_WINDOW = keccak256("cairn/v1/window");
    bytes32 internal constant PURPOSE_POREP = keccak256("cairn/v1/porep");
    bytes32 internal constant PURPOSE_POREP_SEED = keccak256("cairn/v1/porep-seed");
    bytes32 internal constant PURPOSE_DIRECT = keccak256("cairn/v1/direct");
    bytes32 internal constant PURPOSE_BATCH = keccak256("cairn/v1/batch");
    bytes32 internal constant PURPOSE_REPAIR = keccak256("cairn/v1/repair");

    /// Most sector numbers one call reserves.
    uint256 internal constant MAX_RESERVED = 256;
    /// Most declared skips of a window proof (the circuit takes no more).
    uint8 internal constant MAX_SKIPS = 8;
    /// A bounty is at most half of what is slashed: whoever shows its own fault still loses the other half.
    uint16 internal constant MAX_BOUNTY_BASIS_POINTS = 5_000;
    /// A miss costs this many times the pay it would have earned; a declared skip or fault, that many.
    uint256 internal constant MISS_FACTOR = 5;
    uint256 internal constant DECLARED_FACTOR = 3;

    /// The bond of a direct challenge doubles at most this often.
    uint256 internal constant MAX_DOUBLINGS = 16;
    /// A beacon round that nobody posted for this long after its deadline will not come: its challenges are void.
    uint64 internal constant SILENCE_ENDS = 14 days;

    /// Most partitions of a proof of replication.
    uint256 internal constant MAX_PARTITIONS = 32;
    /// Where lost deposits go: ERC-20s refuse the zero address, and nobody has this one's key.
    address internal constant BURN = address(0xdEaD);

    /// Longest endpoint a provider may register, in bytes.
    uint256 internal constant MAX_ENDPOINT_BYTES = 255;
    /// Most providers one call of a listing view returns.
    uint256 internal constant MAX_PAGE = 256;
    /// Most slots of a deal (a slot index is one byte).
    uint256 internal constant MAX_SLOTS = 256;
    /// Periods a hot sector must be without live slots before a stranger may retire it: its owner gets that
    /// long between append and activation.
    uint64 internal constant STRANGER_RETIRE_PERIODS = 4;
    /// Fewer than k filled slots for this long: the deal is lost.
    uint64 internal constant LOST_AFTER = 14 days;
    /// Asks are per this many stored bytes (1 TiB) and period.
    uint256 internal constant ASK_UNIT_BYTES = 1 << 40;
    /// Bytes of a stored leaf.
    uint256 internal constant LEAF_BYTES = 32;
    /// fr32: this many bytes become this many leaves.
    uint256 internal constant GROUP_BYTES = 127;
    uint256 internal constant GROUP_LEAVES = 4;
}
