//! The home folder, the catalog, `status`, `rm`, and the command where it needs no chain.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use crate::network::{Behaviour, World, deployment, home, noise};
use cairn_client::durability::Sampling;
use cairn_client::{
    ByteRange, Catalog, CatalogError, Config, ConfigError, Entropy, GetError, InitOptions,
    ObjectKind, PutError, ReplicaStage, ReplicaUnderWay, Sealing, StatusError,
};
use cairn_contracts::SlotStatus;
use cairn_wire::{Period, SectorKind, SectorNumber};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn init_makes_a_private_wallet_and_settings_that_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let made = home(dir.path());
    let folder = dir.path().join("home");
    assert_eq!(
        (mode(&folder), mode(&folder.join("wallet.key"))),
        (0o700, 0o600)
    );
    let read = Config::read(&folder).unwrap();
    assert_eq!(read, made);
    assert_eq!((read.k, read.n), (10, 30));
    assert_eq!(read.deployment().unwrap(), deployment());
    assert_eq!(
        read.wallet_key().unwrap().address(),
        made.wallet_key().unwrap().address()
    );
}

#[test]
fn init_never_overwrites_a_wallet_and_takes_an_existing_key() {
    let dir = tempfile::tempdir().unwrap();
    let first = home(dir.path()).wallet_key().unwrap().address();
    let options = InitOptions::new("http://127.0.0.1:1", &dir.path().join("market.json"));
    let again = Config::init(&dir.path().join("home"), &options, &Entropy::system());
    assert!(matches!(again, Err(ConfigError::Exists { .. })));
    assert_eq!(
        Config::read(&dir.path().join("home"))
            .unwrap()
            .wallet_key()
            .unwrap()
            .address(),
        first
    );
    let key_file = dir.path().join("key");
    std::fs::write(
        &key_file,
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n",
    )
    .unwrap();
    let taken = InitOptions {
        key_file: Some(key_file),
        k: 4,
        n: 8,
        ..options
    };
    let config = Config::init(&dir.path().join("other"), &taken, &Entropy::system()).unwrap();
    let address = config.wallet_key().unwrap().address().to_string();
    assert_eq!(address, "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    assert_eq!((config.k, config.n), (4, 8));
}

#[test]
fn a_wallet_that_others_may_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = home(dir.path());
    let wallet = dir.path().join("home/wallet.key");
    std::fs::set_permissions(&wallet, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        config.wallet_key(),
        Err(ConfigError::Exposed { mode: 0o640, .. })
    ));
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    home(dir.path());
    let path = dir.path().join("home/config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let read_with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} stands in {text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
        Config::read(&dir.path().join("home"))
            .unwrap_err()
            .to_string()
    };
    assert!(read_with("\"k\": 10", "\"k\": 30").contains("1 <= k < n <= 256"));
    assert!(read_with("\"version\": 1", "\"version\": 2").contains("version"));
    assert!(read_with("\"uploads\"", "\"uplods\"").contains("uplods"));
    let missing = Config::read(&dir.path().join("nowhere"))
        .unwrap_err()
        .to_string();
    assert!(missing.contains("cairn init"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_is_private_and_a_damaged_one_is_refused_by_name_and_reason() {
    let world = World::new(4, 13);
    world.put("object", &noise(600_000), 2, 4).await.unwrap();
    let path = world.catalog_path();
    assert_eq!(mode(&path), 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    let catalog = Catalog::at(path.clone());
    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} stands in the catalog");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        catalog.read().unwrap_err()
    };
    let damaged = |error: CatalogError, reason: &str| {
        let CatalogError::Damaged { name, reason: got } = error else {
            panic!("{error}")
        };
        assert_eq!(name, "object");
        assert!(got.contains(reason), "{got}");
    };
    damaged(
        with("\"plain_bytes\": 600000", "\"plain_bytes\": 600001"),
        "do not add up",
    );
    damaged(with("\"k\": 2", "\"k\": 4"), "no code");
    damaged(with("\"k\": 2", "\"k\": 3"), "coded length");
    damaged(with("aes-256-gcm", "aes-128-gcm"), "cipher");
    damaged(
        with("\"nonce_prefix\": \"", "\"nonce_prefix\": \"00"),
        "nonce_prefix",
    );
    assert!(matches!(
        with("\"version\": 1", "\"version\": 9"),
        CatalogError::Version { got: 9, .. }
    ));
    assert!(matches!(
        with("\"objects\"", "\"things\""),
        CatalogError::Format { .. }
    ));
    assert!(
        matches!(
            with("\"state\"", "\"colour\": 1, \"state\""),
            CatalogError::Format { .. }
        ),
        "unknown fields"
    );
    assert!(
        matches!(with("}", ""), CatalogError::Format { .. }),
        "cut off"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_put_at_the_same_time_all_stand_in_the_catalog() {
    let world = World::new(4, 13);
    let names: Vec<String> = (0..8).map(|number| format!("object {number}")).collect();
    let bytes = noise(1000);
    let mut running = tokio::task::JoinSet::new();
    for name in names.clone() {
        let (client, bytes) = (world.client.clone(), bytes.clone());
        running.spawn(async move {
            let options = cairn_client::PutOptions {
                k: Some(2),
                n: Some(4),
                ..Default::default()
            };
            client.put(bytes.as_slice(), &name, options).await.unwrap();
        });
    }
    running.join_all().await;
    let listed: Vec<String> = world
        .client
        .list()
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(listed, names);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_each_slot_as_the_chain_has_it() {
    let world = World::new(4, 13);
    world.set(0, Behaviour::NeverActivates);
    world.put("object", &noise(10), 2, 4).await.unwrap();
    let status = world.client.status(Some("object")).await.unwrap().remove(0);
    assert_eq!((status.k, status.n, status.plain_bytes), (2, 4, 10));
    let sampling = Sampling {
        samples: 4,
        period_s: 36,
    };
    assert_eq!(status.sampling, sampling);
    // a piece of 2^11 leaves (a strip of 32 KiB) in a tree of three sectors of 2^20
    let share = 2_048.0 / (3.0 * 1_048_576.0);
    assert_eq!(status.least_share(), Some(share));
    assert_eq!(
        status.least_pieces(),
        4,
        "the empty slot may still be filled"
    );
    let deal = &status.deals[0];
    let info = deal.info.as_ref().unwrap();
    assert_eq!(
        (info.price_per_slot_period, info.escrow_left),
        (10_000, 120_000)
    );
    for slot in &deal.slots {
        let idle = slot.provider == world.nodes[0].provider;
        assert_eq!(slot.status == SlotStatus::Empty, idle, "slot {}", slot.slot);
        let (proven, missed, void) = (slot.uptime.proven, slot.uptime.missed, slot.uptime.void);
        assert_eq!(
            (proven, missed, void),
            if idle { (0, 0, 0) } else { (5, 1, 2) }
        );
    }
    assert_eq!(world.client.status(None).await.unwrap().len(), 1);
    let unknown = world.client.status(Some("nothing")).await.unwrap_err();
    assert!(
        matches!(
            unknown,
            StatusError::Catalog(CatalogError::NoSuchName { .. })
        ),
        "{unknown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_forgets_the_key_and_says_what_remains_on_chain() {
    let world = World::new(4, 13);
    world.put("object", &noise(600_000), 2, 4).await.unwrap();
    let removed = world.client.remove("object").await.unwrap();
    assert_eq!(removed.plain_bytes, 600_000);
    assert_eq!(removed.deals.len(), 2);
    for deal in &removed.deals {
        assert_eq!(deal.escrow_left, Some(120_000));
        let (period, unix) = deal.end.unwrap();
        assert_eq!(
            (period.0, unix),
            (3, 1_000_000 + 3 * 36 + 27),
            "the last period's deadline"
        );
    }
    assert!(
        !std::fs::read_to_string(world.catalog_path())
            .unwrap()
            .contains("\"key\"")
    );
    let error = world.get("object", ByteRange::all()).await.unwrap_err();
    assert!(
        matches!(error, GetError::Catalog(CatalogError::NoSuchName { .. })),
        "{error}"
    );
    let error = world.client.remove("object").await.unwrap_err();
    assert!(error.to_string().contains("there is no object"), "{error}");
}

fn cairn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cairn"))
        .args(arguments)
        .env_remove("CAIRN_HOME")
        .output()
        .unwrap()
}

#[test]
fn the_command_sets_up_a_home_and_lists_nothing() {
    let dir = tempfile::tempdir().unwrap();
    deployment().write(&dir.path().join("market.json")).unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (folder, file) = (path("my home"), path("market.json"));
    let init = [
        "--home",
        &folder,
        "init",
        "--rpc",
        "http://127.0.0.1:1",
        "--deployment",
        &file,
        "--json",
    ];
    let out = cairn(&init);
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let said: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (said["k"].as_u64(), said["n"].as_u64()),
        (Some(10), Some(30))
    );
    let again = cairn(&init);
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));
    let listed = cairn(&["--home", &folder, "ls", "--json"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).trim(), "[]");
}

#[test]
fn the_command_says_what_is_wrong_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display().to_string();
    let out = cairn(&["--home", &folder, "status"]);
    assert!(!out.status.success());
    assert!(
        String::from_utf8_lossy(&out.stderr).contains("cairn init"),
        "no home"
    );
    home(dir.path());
    let folder = dir.path().join("home").display().to_string();
    let out = cairn(&[
        "--home", &folder, "get", "x", "--output", "y", "--range", "9..1",
    ]);
    assert!(
        String::from_utf8_lossy(&out.stderr).contains("a range is"),
        "a bad range"
    );
    let out = cairn(&["--home", &folder, "status"]);
    assert!(!out.status.success());
    assert!(
        String::from_utf8_lossy(&out.stderr).contains("no RPC endpoint answered"),
        "no chain"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_object_is_sealed_on_chain_in_the_catalog_and_in_its_status() {
    let world = World::new(4, 13);
    // An idle node leaves a slot empty, as one that still seals does.
    let idle = 0;
    world.set(idle, Behaviour::NeverActivates);
    let report = world
        .put_sealed("vault", &noise(1000), 400, None)
        .await
        .unwrap();
    assert_eq!(report.kind, SectorKind::Sealed);
    // (3600 + 6 + 36 + 1800) / 36 = 151.2 periods, and two to pack and append.
    assert_eq!(report.activation_periods, 154);
    let deal = world.market.find(report.segments[0].deal).unwrap();
    assert_eq!(deal.kind, SectorKind::Sealed);
    assert_eq!(deal.activate_by, Period(154));
    let (_, entry) = world.client.list().unwrap().remove(0);
    assert_eq!(entry.kind, ObjectKind::Sealed);

    let sealing = || async {
        let status = world.client.status(Some("vault")).await.unwrap();
        let slots = &status[0].deals[0].slots;
        let empty = slots.iter().find(|slot| slot.status == SlotStatus::Empty);
        let others = slots.iter().filter(|slot| slot.sealing.is_some()).count();
        assert_eq!(others, 1, "only the empty slot");
        empty.and_then(|slot| slot.sealing).unwrap()
    };
    assert_eq!(sealing().await, Sealing::Unseen);
    let replica = |stage| ReplicaUnderWay {
        provider: world.nodes[idle].provider,
        sector: SectorNumber(9),
        stage,
    };
    let committed = ReplicaStage::Committed {
        seed_period: Period(5),
    };
    world.market.table().replicas = vec![replica(committed)];
    let told = sealing().await.to_string();
    assert!(
        told.contains("sector 9") && told.contains("period 5"),
        "{told}"
    );
    world.market.table().replicas = vec![replica(ReplicaStage::Proven)];
    assert!(sealing().await.to_string().contains("proven"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_for_filling_slots_is_the_users_choice_within_the_deal() {
    let world = World::new(4, 13);
    let report = world.put_sealed("short", b"x", 20, Some(7)).await.unwrap();
    assert_eq!(report.activation_periods, 7);
    for wrong in [0, 21] {
        let refused = world.put_sealed("wrong", b"x", 20, Some(wrong)).await;
        assert!(
            matches!(refused, Err(PutError::Terms(_))),
            "{wrong}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn an_object_of_before_there_was_a_choice_is_hot() {
    let world = World::new(4, 13);
    world.put("old", b"x", 2, 4).await.unwrap();
    let text = std::fs::read_to_string(world.catalog_path()).unwrap();
    let old = text.replace("      \"kind\": \"hot\",\n", "");
    assert_ne!(old, text, "the word was there");
    std::fs::write(world.catalog_path(), old).unwrap();
    let (_, entry) = world.client.list().unwrap().remove(0);
    assert_eq!(entry.kind, ObjectKind::Hot);
}
