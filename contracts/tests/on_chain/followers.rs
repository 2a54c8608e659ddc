//! Following a chain that is reorganised under the reader.

use cairn_contracts::{Chain, ChainEventKind, Follower, News};

use crate::world::{PROVIDER, World, address};

/// All asks announced, in order, as a reader derives them.
#[derive(Default)]
struct Reader {
    asks: Vec<(u64, u128)>,
    voids: usize,
}

impl Reader {
    async fn catch_up(&mut self, follower: &mut Follower, chain: &Chain) {
        while let Some(news) = follower.poll(chain).await.unwrap() {
            match news {
                News::Void { from_block } => {
                    self.asks.retain(|(block, _)| *block < from_block);
                    self.voids += 1;
                }
                News::Events { events, last, .. } => {
                    assert!(
                        events.iter().all(|event| event.block <= last.number),
                        "of the blocks it names"
                    );
                    self.asks
                        .extend(events.iter().filter_map(|event| match event.kind {
                            ChainEventKind::ProviderRegistered {
                                ask_per_tib_period, ..
                            } => Some((event.block, ask_per_tib_period)),
                            _ => None,
                        }));
                }
            }
        }
    }

    fn asks(&self) -> Vec<u128> {
        self.asks.iter().map(|(_, ask)| *ask).collect()
    }
}

#[tokio::test]
async fn a_reader_hears_everything_once_and_nothing_unconfirmed() {
    let world = World::start().await;
    let chain = world.provider().await;
    let mut follower = Follower::new(world.deployment.start_block, 2, 3);
    let mut reader = Reader::default();
    for ask in 1..=6 {
        chain
            .update_provider("x:1", [0; 32], address(PROVIDER), ask)
            .await
            .unwrap();
        reader.catch_up(&mut follower, &chain).await;
    }
    assert_eq!(
        reader.asks(),
        [1 << 40, 1, 2, 3, 4],
        "two blocks are not deep enough yet"
    );
    world.anvil.mine().await.unwrap();
    world.anvil.mine().await.unwrap();
    reader.catch_up(&mut follower, &chain).await;
    assert_eq!(reader.asks(), [1 << 40, 1, 2, 3, 4, 5, 6], "all of them");
    assert_eq!(reader.voids, 0, "nothing was void");
}

#[tokio::test]
async fn a_reader_undoes_what_a_reorganisation_took_away() {
    let world = World::start().await;
    let chain = world.provider().await;
    let mut follower = Follower::new(world.deployment.start_block, 0, 100);
    let mut reader = Reader::default();
    for ask in 1..=4 {
        chain
            .update_provider("x:1", [0; 32], address(PROVIDER), ask)
            .await
            .unwrap();
        reader.catch_up(&mut follower, &chain).await;
    }
    world.anvil.reorganise(2).await.unwrap();
    reader.catch_up(&mut follower, &chain).await;
    assert_eq!(
        reader.asks(),
        [1 << 40, 1, 2],
        "the last two never happened"
    );
    assert!(reader.voids >= 1, "it was told");
    chain
        .update_provider("x:1", [0; 32], address(PROVIDER), 9)
        .await
        .unwrap();
    reader.catch_up(&mut follower, &chain).await;
    assert_eq!(reader.asks(), [1 << 40, 1, 2, 9], "what happened instead");
}
