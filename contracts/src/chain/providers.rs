//! The registry of storage nodes.

use alloy::primitives::{B256, U256};
use cairn_wire::Address;

use super::{Chain, Contract, receipt_of};
use crate::abi::providers;
use crate::convert::{evm, ours};
use crate::error::ChainError;
use crate::market::{ProviderInfo, TxReceipt};

/// The contract gives at most this many entries at once.
const PAGE: u64 = 256;

impl Chain {
    /// Registers the account as a provider.
    ///
    /// `endpoint` is `host:port`, 1 to 255 bytes; `tls_pin` the SHA-256 of the TLS key's SPKI; `operator` the key that
    /// signs receipts; the ask is in smallest token units for 1 TiB and one period.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Providers_AlreadyRegistered` (then [`Chain::update_provider`] is the call),
    /// `Providers_EndpointLength`, `Providers_NoOperator`.
    pub async fn register_provider(
        &self,
        endpoint: &str,
        tls_pin: [u8; 32],
        operator: Address,
        ask_per_tib_period: u128,
    ) -> Result<TxReceipt, ChainError> {
        let call = providers::Providers::registerCall {
            endpoint: endpoint.to_owned(),
            tlsPin: B256::from(tls_pin),
            operator: evm(operator),
            askPerTibPeriod: ask_per_tib_period,
        };
        receipt_of(&self.transact(Contract::Providers, &call).await?)
    }

    /// Replaces the account's whole entry. Deals already open keep their price.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Providers_NotRegistered`, `Providers_EndpointLength`, `Providers_NoOperator`.
    pub async fn update_provider(
        &self,
        endpoint: &str,
        tls_pin: [u8; 32],
        operator: Address,
        ask_per_tib_period: u128,
    ) -> Result<TxReceipt, ChainError> {
        let call = providers::Providers::updateCall {
            endpoint: endpoint.to_owned(),
            tlsPin: B256::from(tls_pin),
            operator: evm(operator),
            askPerTibPeriod: ask_per_tib_period,
        };
        receipt_of(&self.transact(Contract::Providers, &call).await?)
    }

    /// Changes where the account's node is reached, and keeps the rest of its entry.
    ///
    /// # Errors
    /// As [`Chain::update_provider`].
    pub async fn set_endpoint(
        &self,
        endpoint: &str,
        tls_pin: [u8; 32],
    ) -> Result<TxReceipt, ChainError> {
        let account = self.account().ok_or_else(|| ChainError::ReadOnly {
            function: "Providers.update".to_owned(),
        })?;
        let old = self
            .view(
                Contract::Providers,
                &providers::Providers::providerCall {
                    account: evm(account),
                },
            )
            .await?;
        self.update_provider(endpoint, tls_pin, ours(old.operator), old.askPerTibPeriod)
            .await
    }

    /// A provider's entry.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn provider(&self, provider: Address) -> Result<Option<ProviderInfo>, ChainError> {
        let call = providers::Providers::providerCall {
            account: evm(provider),
        };
        match self.view(Contract::Providers, &call).await {
            Ok(entry) => Ok(Some(info(provider, entry))),
            Err(error) if error.is_refusal("Providers_NotRegistered") => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All providers, in order of registration.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn providers(&self) -> Result<Vec<ProviderInfo>, ChainError> {
        let mut all = Vec::new();
        loop {
            let from = U256::from(all.len());
            let call = providers::Providers::listCall {
                from,
                limit: U256::from(PAGE),
            };
            let page = self.view(Contract::Providers, &call).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(
                page.into_iter()
                    .map(|listing| info(ours(listing.account), listing.entry)),
            );
        }
    }
}

fn info(address: Address, entry: providers::Providers::Provider) -> ProviderInfo {
    ProviderInfo {
        address,
        endpoint: entry.endpoint,
        tls_pin: entry.tlsPin.0,
        operator: ours(entry.operator),
        ask_per_tib_period: entry.askPerTibPeriod,
    }
}
