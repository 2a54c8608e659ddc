//! A client, a market, and nodes that serve on loopback.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use cairn_client::{
    ByteRange, Client, Config, Entropy, GetError, GetReport, InitOptions, PutError, PutOptions,
    PutReport, Silent,
};
use cairn_contracts::{
    ChallengeTerms, CircuitSet, CollateralTerms, Deployment, KeyRecord, ProviderInfo, RepairTerms,
    ReplicaTerms, Schedule, SetParameters,
};
use cairn_wire::{Address, Limits, NodeIdentity, SecretKey, SectorKind, Server};

use super::market::TableMarket;
use super::node::{Behaviour, FakeNode, NodeHandler};

pub(crate) struct World {
    pub(crate) client: Client<TableMarket>,
    pub(crate) market: TableMarket,
    pub(crate) nodes: Vec<Arc<FakeNode>>,
    servers: Vec<Option<Server>>,
    folder: tempfile::TempDir,
}

impl World {
    /// `nodes` honest nodes, pieces of at most 2^`b_max` leaves.
    pub(crate) fn new(nodes: u8, b_max: u8) -> Self {
        Self::configured(nodes, b_max, |_| {})
    }

    pub(crate) fn configured(nodes: u8, b_max: u8, configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = home(folder.path());
        config.patience.poll_ms = 20;
        config.patience.upload_s = 10;
        config.patience.activate_s = 3;
        config.patience.hedge_ms = 200;
        config.patience.connect_s = 3;
        config.patience.stall_s = 3;
        config.patience.answer_s = 30;
        configure(&mut config);
        let wallet = config.wallet_key().unwrap();
        let market = TableMarket::new(wallet.address(), b_max);
        let client = Client::with_market(
            market.clone(),
            wallet,
            config,
            Entropy::system(),
            Arc::new(Silent),
        );
        let mut world = Self {
            client,
            market,
            nodes: Vec::new(),
            servers: Vec::new(),
            folder,
        };
        for number in 1..=nodes {
            world.start_node(number);
        }
        world
    }

    fn start_node(&mut self, number: u8) {
        let operator = SecretKey::from_bytes(&[number; 32]).unwrap();
        let node = Arc::new(FakeNode {
            provider: Address([number; 20]),
            operator: operator.clone(),
            behaviour: Mutex::default(),
            market: self.market.clone(),
            pieces: Mutex::new(HashMap::new()),
            reads: AtomicUsize::new(0),
            stores: AtomicUsize::new(0),
            leaves: AtomicUsize::new(0),
            trees: Mutex::default(),
            segments: AtomicUsize::new(0),
            acceptances: Mutex::default(),
        });
        let identity = NodeIdentity::generate(&[number; 32]).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let handler = Arc::new(NodeHandler(Arc::clone(&node)));
        let server = Server::bind(any, &identity, Limits::default(), handler).unwrap();
        self.market.table().providers.push(ProviderInfo {
            address: node.provider,
            endpoint: server.local_addr().to_string(),
            tls_pin: identity.pin(),
            operator: operator.address(),
            ask_per_tib_period: 1 << 30,
        });
        self.nodes.push(node);
        self.servers.push(Some(server));
    }

    /// Another client of the same home, without connections.
    pub(crate) fn fresh_client(&self) -> Client<TableMarket> {
        let config = Config::read(&self.path("home")).unwrap();
        let wallet = config.wallet_key().unwrap();
        Client::with_market(
            self.market.clone(),
            wallet,
            config,
            Entropy::system(),
            Arc::new(Silent),
        )
    }

    pub(crate) fn set(&self, node: usize, behaviour: Behaviour) {
        *self.nodes[node].behaviour.lock().unwrap() = behaviour;
    }

    /// The node's process is gone.
    pub(crate) fn kill(&mut self, node: usize) {
        self.servers[node] = None;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn put(
        &self,
        name: &str,
        bytes: &[u8],
        k: u16,
        n: u16,
    ) -> Result<PutReport, PutError> {
        let options = PutOptions {
            k: Some(k),
            n: Some(n),
            periods: 3,
            price: Some(10_000),
            ..PutOptions::default()
        };
        self.client.put(bytes, name, options).await
    }

    pub(crate) async fn put_relayed(
        &self,
        name: &str,
        bytes: &[u8],
        k: u16,
        n: u16,
    ) -> Result<PutReport, PutError> {
        let options = PutOptions {
            k: Some(k),
            n: Some(n),
            periods: 3,
            price: Some(10_000),
            relay: true,
            ..PutOptions::default()
        };
        self.client.put(bytes, name, options).await
    }

    pub(crate) async fn put_sealed(
        &self,
        name: &str,
        bytes: &[u8],
        periods: u32,
        activation_periods: Option<u32>,
    ) -> Result<PutReport, PutError> {
        let options = PutOptions {
            k: Some(2),
            n: Some(4),
            periods,
            kind: SectorKind::Sealed,
            activation_periods,
            price: Some(10_000),
            ..PutOptions::default()
        };
        self.client.put(bytes, name, options).await
    }

    pub(crate) async fn get(
        &self,
        name: &str,
        range: ByteRange,
    ) -> Result<(Vec<u8>, GetReport), GetError> {
        let mut bytes = Vec::new();
        let report = self.client.get(name, &mut bytes, range).await?;
        Ok((bytes, report))
    }

    /// Which node holds a slot of an object's segment.
    pub(crate) fn holder(&self, name: &str, segment: usize, slot: usize) -> usize {
        let objects = self.client.list().unwrap();
        let (_, entry) = objects.iter().find(|(known, _)| known == name).unwrap();
        let provider = entry.segments[segment].pieces[slot].provider;
        self.nodes
            .iter()
            .position(|node| node.provider == provider)
            .unwrap()
    }

    pub(crate) fn catalog_path(&self) -> PathBuf {
        self.path("home/catalog.json")
    }
}

/// Bytes that do not repeat.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(len as u64).to_le_bytes());
    let mut bytes = vec![0; len];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

pub(crate) fn deployment() -> Deployment {
    let key = KeyRecord {
        address: Address::ZERO,
        circuit_id: [0; 32],
        key_hash: [0; 32],
    };
    Deployment {
        chain_id: 31337,
        start_block: 0,
        token: Address([1; 20]),
        verifier: Address([2; 20]),
        beacon: Address([3; 20]),
        providers: Address([4; 20]),
        sectors: Address([5; 20]),
        deals: Address([0xde; 20]),
        replicas: Address([6; 20]),
        collateral: Address([7; 20]),
        challenges: Address([8; 20]),
        disputes: Address([9; 20]),
        repairs: Address([10; 20]),
        parameters: SetParameters {
            name: "devnet".into(),
            sector_log2_leaves: 20,
            b_max: 17,
            post_samples: 4,
            tree_levels: 3,
            include_width: 2,
            empty_root: cairn_wire::Commitment::from_bytes([0; 32]).unwrap(),
        },
        replica_terms: ReplicaTerms {
            layers: 2,
            partitions: 1,
            ticket_age_s: 3600,
            seed_delay_s: 6,
            due_s: 1800,
            deposit: 0,
        },
        collateral_terms: CollateralTerms::default(),
        challenge_terms: ChallengeTerms {
            bond: 1,
            per_step: 4,
            answer_due_s: 72,
            cooldown_s: 0,
        },
        repair_terms: RepairTerms {
            commit_age_s: 3,
            commit_life_s: 600,
            right_life_s: 60,
            claim_s: 24,
            seal_periods: 10,
            seal_bond: 1,
        },
        schedule: Schedule {
            genesis_unix: 0,
            round_s: 3,
            t0_unix: 300,
            period_s: 36,
            freeze_s: 6,
            due_s: 27,
        },
        keys: CircuitSet {
            spacetime: key,
            append: key,
            retire: key,
            include: key,
            replica: key,
            dispute: key,
        },
    }
}

/// A home folder in `folder`.
pub(crate) fn home(folder: &Path) -> Config {
    let file = folder.join("market.json");
    deployment().write(&file).unwrap();
    let options = InitOptions::new("http://127.0.0.1:1", &file);
    Config::init(&folder.join("home"), &options, &Entropy::system()).unwrap()
}
