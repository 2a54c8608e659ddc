//! What a piece costs on its way: `StorePiece` and `ReadRange` over loopback against plain TCP in the same run.
//!
//! Both ends run in this process on the same cores, so a figure is the throughput of a machine that does both. Bare quinn
//! moves the same bytes with its own defaults: what our framing, windows and verification cost. Plain TCP moves them
//! without encryption: the ceiling.

#![expect(
    clippy::unwrap_used,
    reason = "benches stop at what they did not expect"
)]

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cairn_merkle::range::{Outboard, encode_range};
use cairn_wire::{
    Acceptance, Address, Client, Commitment, Connection, ContentId, DealId, Handler, HandlerFuture,
    LeafOpening, Limits, MemorySource, NodeIdentity, NodeInfo, OpenLeaf, Peer, PieceBody,
    PieceIntake, PieceTerms, RangeHeader, RangeReply, ReadRange, Receipt, Server, Signature,
    SlotIndex, StorePiece, WireError,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const MIB: usize = 1 << 20;
const SIZES: [usize; 3] = [MIB, 16 * MIB, 64 * MIB];

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A node that holds one piece, encoded beforehand, and throws away what it is sent.
struct BenchNode {
    header: RangeHeader,
    encoded: Bytes,
}

struct Discard(StorePiece);

impl PieceIntake for Discard {
    fn receive<'a>(self: Box<Self>, body: &'a mut PieceBody) -> HandlerFuture<'a, Receipt> {
        Box::pin(async move {
            while let Some(chunk) = body.next_chunk().await? {
                black_box(&chunk);
            }
            let StorePiece {
                deal,
                slot,
                content_id,
                byte_len,
            } = self.0;
            let terms = PieceTerms {
                deal,
                slot,
                provider: Address::ZERO,
                content_id,
                comm_p: Commitment::default(),
                b: 2,
                byte_len,
                expiry_unix: 0,
            };
            Ok(Receipt {
                terms,
                signature: Signature([0; 65]),
            })
        })
    }
}

fn not_here<'a, T: Send + 'a>() -> HandlerFuture<'a, T> {
    Box::pin(std::future::ready(Err(WireError::refused(
        "not part of the bench",
    ))))
}

impl Handler for BenchNode {
    fn info(&self, _peer: Peer) -> HandlerFuture<'_, NodeInfo> {
        not_here()
    }

    fn admit_piece(
        &self,
        _peer: Peer,
        request: StorePiece,
    ) -> HandlerFuture<'_, Box<dyn PieceIntake>> {
        Box::pin(std::future::ready(Ok(
            Box::new(Discard(request)) as Box<dyn PieceIntake>
        )))
    }

    fn accept_piece(&self, _peer: Peer, _acceptance: Acceptance) -> HandlerFuture<'_, ()> {
        not_here()
    }

    fn read_range(&self, _peer: Peer, _request: ReadRange) -> HandlerFuture<'_, RangeReply> {
        let body = Box::new(MemorySource::new(self.encoded.clone()));
        Box::pin(std::future::ready(Ok(RangeReply {
            header: self.header,
            body,
        })))
    }

    fn open_leaf(&self, _peer: Peer, _request: OpenLeaf) -> HandlerFuture<'_, LeafOpening> {
        not_here()
    }
}

/// A node with a piece of `size` bytes, and a connection to it.
async fn start(content: &Bytes) -> Outcome<(Server, Connection, ReadRange)> {
    let byte_len = u64::try_from(content.len())?;
    let (content_id, outboard) = Outboard::build(content)?;
    let outboard = Outboard::from_parts(content_id, byte_len, outboard)?;
    let encoded = Bytes::from(encode_range(content.as_ref(), &outboard, 0, byte_len)?);
    let header = RangeHeader {
        piece_byte_len: byte_len,
        encoded_len: u64::try_from(encoded.len())?,
    };
    let identity = NodeIdentity::generate(&[1; 32])?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let node = Arc::new(BenchNode { header, encoded });
    let server = Server::bind(anywhere, &identity, Limits::default(), node)?;
    let client = Client::new(Limits::default());
    let connection = client
        .connect(&server.local_addr().to_string(), identity.pin())
        .await?;
    Ok((
        server,
        connection,
        ReadRange {
            content_id,
            offset: 0,
            len: byte_len,
        },
    ))
}

async fn store(connection: &Connection, content: &Bytes, content_id: ContentId) -> Outcome<()> {
    let byte_len = u64::try_from(content.len())?;
    let request = StorePiece {
        deal: DealId(1),
        slot: SlotIndex(0),
        content_id,
        byte_len,
    };
    connection
        .store_piece(&request, MemorySource::new(content.clone()))
        .await?;
    Ok(())
}

async fn read(connection: &Connection, request: &ReadRange) -> Outcome<()> {
    let mut range = connection.read_range(request, request.len).await?;
    while let Some(verified) = range.next().await? {
        black_box(verified.bytes.len());
    }
    Ok(())
}

/// A peer that reads what comes on each TCP connection and answers each `size` bytes with one.
async fn tcp_sink(size: usize) -> Outcome<TcpStream> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut buffer = vec![0; 128 << 10];
        loop {
            let mut left = size;
            while left > 0 {
                let room = left.min(buffer.len());
                let got = stream
                    .read(buffer.get_mut(..room).unwrap_or_default())
                    .await?;
                if got == 0 {
                    return Ok::<(), std::io::Error>(());
                }
                left = left.saturating_sub(got);
            }
            stream.write_all(&[1]).await?;
        }
    });
    Ok(TcpStream::connect(address).await?)
}

async fn tcp_send(stream: &mut TcpStream, content: &Bytes) -> Outcome<()> {
    stream.write_all(content).await?;
    stream.read_exact(&mut [0; 1]).await?;
    Ok(())
}

/// A bare QUIC connection to a peer that reads what comes on each stream and answers with one byte.
async fn quinn_sink() -> Outcome<(quinn::Endpoint, quinn::Connection)> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec!["bench".to_owned()])?.self_signed(&key)?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let server_tls = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)?;
    let client_tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let server_config =
        quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(server_tls)?));
    let server =
        quinn::Endpoint::server(server_config, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = server.local_addr()?;
    tokio::spawn(serve_quinn(server));
    let client = quinn::Endpoint::client(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client_tls)?));
    let connection = client.connect_with(config, address, "bench")?.await?;
    Ok((client, connection))
}

async fn serve_quinn(server: quinn::Endpoint) -> Outcome<()> {
    let Some(incoming) = server.accept().await else {
        return Ok(());
    };
    let connection = incoming.await?;
    loop {
        let (mut send, mut recv) = connection.accept_bi().await?;
        while let Some(chunk) = recv.read_chunk(128 << 10, true).await? {
            black_box(&chunk.bytes);
        }
        send.write_all(&[1]).await?;
        send.finish()?;
    }
}

async fn quinn_send(connection: &quinn::Connection, content: &Bytes) -> Outcome<()> {
    let (mut send, mut recv) = connection.open_bi().await?;
    send.write_chunk(content.clone()).await?;
    send.finish()?;
    recv.read_exact(&mut [0; 1]).await?;
    Ok(())
}

/// Runs one transfer again and again.
fn repeat(runtime: &Runtime, times: u64, mut one: impl AsyncFnMut() -> Outcome<()>) -> Duration {
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..times {
            one().await.unwrap();
        }
        start.elapsed()
    })
}

fn transfer(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    for size in SIZES {
        let content: Bytes = (0..size)
            .map(|i| u8::try_from(i % 251).unwrap_or_default())
            .collect();
        let (server, connection, request) = runtime.block_on(start(&content)).unwrap();
        let mut tcp = runtime.block_on(tcp_sink(size)).unwrap();
        let mut group = criterion.benchmark_group("transfer");
        group.throughput(Throughput::Bytes(u64::try_from(size).unwrap_or_default()));
        group
            .sample_size(10)
            .measurement_time(Duration::from_secs(8));
        let mib = size / MIB;
        group.bench_function(format!("store/{mib}MiB"), |bencher| {
            bencher.iter_custom(|times| {
                repeat(&runtime, times, async || {
                    store(&connection, &content, request.content_id).await
                })
            });
        });
        group.bench_function(format!("read/{mib}MiB"), |bencher| {
            bencher.iter_custom(|times| {
                repeat(&runtime, times, async || read(&connection, &request).await)
            });
        });
        // Now, because bare quinn ends a connection that was idle for as long as the benches before take.
        let quinn = runtime.block_on(quinn_sink()).unwrap();
        group.bench_function(format!("quinn/{mib}MiB"), |bencher| {
            bencher.iter_custom(|times| {
                repeat(&runtime, times, async || {
                    quinn_send(&quinn.1, &content).await
                })
            });
        });
        group.bench_function(format!("tcp/{mib}MiB"), |bencher| {
            bencher.iter_custom(|times| {
                repeat(&runtime, times, async || tcp_send(&mut tcp, &content).await)
            });
        });
        group.finish();
        drop(server);
    }
}

criterion_group!(benches, transfer);
criterion_main!(benches);
