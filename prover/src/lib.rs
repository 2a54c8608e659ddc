//! Statements about stored data, decided natively and proven in zero knowledge.
