//! Where every token unit is.
//!
//! ```text
//! paid in by clients = earned + refunded + left in escrow
//! locked by providers = returned + burned + reporters + bounties + held (fault parts, repair parts, bounties that wait)
//! ```

use anyhow::{Result, ensure};

/// The books of a run, in token units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Escrow paid by clients, ever.
    pub paid_in: u128,
    /// Pay of proven periods, settled.
    pub earned: u128,
    /// Pay of missed and void periods, given back to clients.
    pub refunded: u128,
    /// Still in escrow.
    pub escrow: u128,
    /// Collateral locked, ever.
    pub locked: u128,
    /// Collateral given back at the end of a slot.
    pub returned: u128,
    /// Burned: of slashes, of declared faults, of repair parts.
    pub burned: u128,
    /// Paid to who reported a miss.
    pub reporters: u128,
    /// Paid to who repaired a slot.
    pub bounties: u128,
    /// Fault parts held.
    pub held_fault: u128,
    /// Repair parts held.
    pub held_repair: u128,
    /// Bounties of freed slots, held until somebody repairs them.
    pub held_bounty: u128,
}

impl Ledger {
    /// Fails when a unit was made or lost.
    ///
    /// # Errors
    /// With both sides of the equation that does not hold.
    pub fn check(&self) -> Result<()> {
        let of_clients = self.earned + self.refunded + self.escrow;
        ensure!(
            self.paid_in == of_clients,
            "clients paid {} and {of_clients} is accounted for",
            self.paid_in
        );
        let of_providers =
            self.returned + self.burned + self.reporters + self.bounties + self.held();
        ensure!(
            self.locked == of_providers,
            "providers locked {} and {of_providers} is accounted for",
            self.locked
        );
        Ok(())
    }

    /// Collateral in the contracts.
    #[must_use]
    pub const fn held(&self) -> u128 {
        self.held_fault + self.held_repair + self.held_bounty
    }

    pub(crate) fn open(&mut self, escrow: u64) {
        self.paid_in += u128::from(escrow);
        self.escrow += u128::from(escrow);
    }

    pub(crate) fn pay(&mut self, due: u64) {
        self.escrow -= u128::from(due);
        self.earned += u128::from(due);
    }

    pub(crate) fn refund(&mut self, rest: u64) {
        self.escrow -= u128::from(rest);
        self.refunded += u128::from(rest);
    }

    pub(crate) fn lock(&mut self, fault: u64, repair: u64) {
        self.locked += u128::from(fault) + u128::from(repair);
        self.held_fault += u128::from(fault);
        self.held_repair += u128::from(repair);
    }

    pub(crate) fn release(&mut self, fault: u64, repair: u64) {
        self.held_fault -= u128::from(fault);
        self.held_repair -= u128::from(repair);
        self.returned += u128::from(fault) + u128::from(repair);
    }

    pub(crate) fn slash(&mut self, amount: u64, to_reporter: u64) {
        self.held_fault -= u128::from(amount);
        self.reporters += u128::from(to_reporter);
        self.burned += u128::from(amount - to_reporter);
    }

    pub(crate) fn free(&mut self, repair_part: u64, bounty: u64) {
        self.held_repair -= u128::from(repair_part);
        self.held_bounty += u128::from(bounty);
        self.burned += u128::from(repair_part - bounty);
    }

    pub(crate) fn reward(&mut self, bounty: u64) {
        self.held_bounty -= u128::from(bounty);
        self.bounties += u128::from(bounty);
    }

    pub(crate) fn burn_bounty(&mut self, bounty: u64) {
        self.held_bounty -= u128::from(bounty);
        self.burned += u128::from(bounty);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.open(1_000);
        ledger.pay(300);
        ledger.refund(200);
        ledger.lock(100, 400);
        ledger.lock(50, 200);
        ledger.slash(30, 15);
        ledger.free(400, 200);
        ledger.free(100, 50);
        ledger.reward(200);
        ledger.burn_bounty(50);
        ledger.release(20, 100);
        ledger
    }

    #[test]
    fn books_of_honest_bookings_add_up() {
        busy().check().unwrap();
    }

    #[test]
    fn one_unit_too_many_anywhere_is_seen() {
        let fields: [fn(&mut Ledger) -> &mut u128; 12] = [
            |l| &mut l.paid_in,
            |l| &mut l.earned,
            |l| &mut l.refunded,
            |l| &mut l.escrow,
            |l| &mut l.locked,
            |l| &mut l.returned,
            |l| &mut l.burned,
            |l| &mut l.reporters,
            |l| &mut l.bounties,
            |l| &mut l.held_fault,
            |l| &mut l.held_repair,
            |l| &mut l.held_bounty,
        ];
        for (place, field) in fields.into_iter().enumerate() {
            let mut ledger = busy();
            *field(&mut ledger) += 1;
            assert!(ledger.check().is_err(), "field {place}");
        }
    }
}
