//! The keys of `[server]` about what lies between clients and this machine: data ports, the public
//! address, ports mapped by a router, balancers that speak the PROXY protocol.

use std::ops::RangeInclusive;

use ferry_proto::network::Network;
use ferry_server::options::{Options, Public};
use toml::de::DeValue;

use super::diagnose::Problems;
use super::file::set;
use super::read;
use super::section::Section;
use crate::values::{self, Wrong};

/// Reads them all.
pub(super) fn read(section: &Section<'_>, options: &mut Options, problems: &mut Problems) {
    set(&mut options.passive_ports, section.get("passive_ports", problems, read::ports));
    let shared = section.get("shared_data_port", problems, |value| {
        read::number::<u16>(value, 1..=65_535).map(Some)
    });
    if let Some((port, at)) = shared {
        if section.has("passive_ports") {
            let right = "keep passive_ports or shared_data_port, not both";
            problems.add(at, Wrong::new("a shared data port besides a range of ports", right));
        }
        options.shared_data_port = port;
    }
    outside_ports(section, options, problems);
    if let Some((addresses, _)) = section.get("public_address", problems, public_addresses) {
        (options.public_address, options.public_for) = addresses;
    }
    set(&mut options.proxies, section.get("proxies", problems, networks));
    if let Some((yes, at)) = section.get("data_proxy", problems, read::boolean) {
        if yes && !section.has("proxies") {
            let right = "add proxies = [\"10.0.0.0/24\"], the networks of your balancers";
            problems.add(at, Wrong::new("a proxy for data but no `proxies`", right));
        }
        options.data_proxy = yes;
    }
}

fn outside_ports(section: &Section<'_>, options: &mut Options, problems: &mut Problems) {
    let Some((outside, at)) = section.get("outside_ports", problems, read::ports) else {
        return;
    };
    let count = |ports: &RangeInclusive<u16>| u32::from(ports.end() - ports.start()) + 1;
    let inside = options.shared_data_port.map_or_else(|| options.passive_ports.clone(), |p| p..=p);
    if count(&outside) != count(&inside) {
        let what = format!("{} ports outside for {} inside", count(&outside), count(&inside));
        let right = "write as many ports as there are inside: the router maps each to one";
        problems.add(at, Wrong::new(what, right));
    }
    options.outside_ports = Some(*outside.start());
}

/// An address or name for everyone, and those for certain networks.
type Addresses = (Option<Public>, Vec<(Network, Public)>);

/// One address for everyone outside, or a table from networks to addresses.
fn public_addresses(value: &DeValue<'_>) -> Result<Addresses, Wrong> {
    let table = match value {
        DeValue::Table(table) => table,
        DeValue::String(text) => return Ok((Some(values::public_address(text)?), Vec::new())),
        _ => {
            return Err(Wrong::new(
                "neither an address nor a table of them",
                "write an address or a name in quotes, or a table as in \
                 { default = \"203.0.113.5\", \"10.8.0.0/16\" = \"10.8.0.1\" }",
            ));
        }
    };
    let (mut everyone, mut by_network) = (None, Vec::with_capacity(table.len()));
    for (key, value) in table {
        let key = key.get_ref().as_ref();
        let named = |wrong: Wrong| {
            Wrong::new(format!("`{}`: {}", key.escape_debug(), wrong.what), wrong.right)
        };
        let text = read::text(value.get_ref()).map_err(named)?;
        let public = values::public_address(text).map_err(named)?;
        if key == "default" {
            everyone = Some(public);
        } else {
            by_network.push((values::network(key).map_err(named)?, public));
        }
    }
    Ok((everyone, by_network))
}

/// Networks whose word is taken for whose a connection is.
fn networks(value: &DeValue<'_>) -> Result<Vec<Network>, Wrong> {
    let DeValue::Array(items) = value else {
        let right = "write networks in quotes between brackets, as in [\"10.0.0.0/24\"]";
        return Err(Wrong::new("not a list of networks", right));
    };
    let network = |text: &str| {
        let network = values::network(text)?;
        if network.prefix() == 0 {
            let right = "name the networks of your balancers, and no others";
            return Err(Wrong::new("anyone could say to be anyone", right));
        }
        Ok(network)
    };
    items.iter().map(|item| read::text(item.get_ref()).and_then(network)).collect()
}

/// The data ports, inside and outside, for a person.
pub(super) fn data_ports(options: &Options) -> String {
    let (first, last) = match options.shared_data_port {
        Some(port) => (port, port),
        None => options.passive_ports.clone().into_inner(),
    };
    let span = |first: u16, last: u16| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let mut text = span(first, last);
    if options.shared_data_port.is_some() {
        text.push_str(", shared by all sessions");
    }
    if let Some(outside) = options.outside_ports {
        let last = outside.saturating_add(last.saturating_sub(first));
        text.push_str(&format!(", outside {}", span(outside, last)));
    }
    text
}
