//! A task that ends with whoever waits for it.

use tokio::task::JoinHandle;

/// Aborted when dropped.
pub(crate) struct Task<T>(pub(crate) JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
