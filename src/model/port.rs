//! Ports that a router forwards to this machine.

/// A port that a router was asked to forward (`lt::port_mapping_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct PortMapping(i32);

impl PortMapping {
    /// Returns the mapping with this number, as returned by [`get`](PortMapping::get).
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }

    /// Returns its number.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }
}

/// The protocol used to ask a router to forward a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PortMapper {
    /// NAT-PMP (RFC 6886) or PCP (RFC 6887).
    NatPmp,
    /// UPnP's Internet Gateway Device.
    Upnp,
}

impl std::fmt::Display for PortMapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NatPmp => "NAT-PMP",
            Self::Upnp => "UPnP",
        })
    }
}

/// The protocol of a forwarded port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum PortProtocol {
    /// TCP connections.
    Tcp,
    /// uTP and the DHT.
    Udp,
}

impl std::fmt::Display for PortProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        })
    }
}
