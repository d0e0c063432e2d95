//! The shared library, loaded once per process, and what it computes with.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ort::{
    device::Device,
    environment::Environment,
    ep::{self, ExecutionProvider as _},
    logging::LogLevel,
    memory::DeviceType,
    session::{
        Session,
        builder::{AutoDevicePolicy, SessionBuilder},
    },
};

use crate::score::library::{Libraries, Provider, RuntimeError};

/// The loaded library.
#[derive(Debug)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
    provider: Provider,
    plugin: Option<PathBuf>,
}

/// What stays of a try that failed: `ort` makes one environment in the life of a process, also where that one was dropped.
struct Opened {
    environment: Environment,
    library: PathBuf,
    /// The plugin that was registered, which it is once.
    plugin: Option<PathBuf>,
}

impl Runtime {
    /// The process's runtime; the first call loads it.
    ///
    /// # Errors
    /// A library is missing or does not fit, or none has the execution provider. A later call tries again; only a library that was
    /// loaded is not changed for another one.
    pub fn load(libraries: &Libraries) -> Result<&'static Self, RuntimeError> {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        static OPENED: Mutex<Option<Opened>> = Mutex::new(None);
        let mut one_at_a_time = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = RUNTIME.get() {
            return Ok(runtime);
        }
        let loaded = Self::load_anew(libraries, &mut one_at_a_time)?;
        Ok(RUNTIME.get_or_init(|| loaded))
    }

    fn load_anew(libraries: &Libraries, opened: &mut Option<Opened>) -> Result<Self, RuntimeError> {
        let (library, plugin) = (libraries.find_runtime()?, libraries.find_plugin()?);
        let provider = libraries.provider;
        let opened = match opened {
            Some(opened) if opened.library != library => {
                return Err(RuntimeError::LoadedAlready { loaded: opened.library.clone(), found: library });
            }
            Some(opened) => opened,
            None => opened.insert(Opened::new(library)?),
        };
        if let Some(plugin) = plugin.as_ref().filter(|plugin| opened.plugin.as_ref() != Some(plugin)) {
            opened.register(provider, plugin)?;
        }
        let Opened { environment, library, .. } = opened;
        let runtime = Self { environment: environment.clone(), library: library.clone(), provider, plugin };
        match runtime.has_provider() {
            true => Ok(runtime),
            false => {
                Err(RuntimeError::NoProvider { provider, library: runtime.plugin.unwrap_or(runtime.library) })
            }
        }
    }

    /// Whether the provider is there: a plugin offers devices, what the library was built with says so by its name.
    fn has_provider(&self) -> bool {
        match (self.provider, &self.plugin) {
            (Provider::Cpu, _) => true,
            (_, Some(_)) => self.devices().next().is_some(),
            (Provider::OpenVino, None) => ep::OpenVINO::is_available().unwrap_or(false),
            (Provider::Cuda, None) => ep::CUDA::is_available().unwrap_or(false),
        }
    }

    /// The plugin's devices of the kind that the provider is chosen for.
    fn devices(&self) -> impl Iterator<Item = Device<'_>> {
        let (name, kind) = match self.provider {
            Provider::Cuda => (ep::CUDA::NAME, DeviceType::GPU),
            Provider::OpenVino | Provider::Cpu => (ep::OpenVINO::NAME, DeviceType::CPU),
        };
        self.environment.devices().filter(move |device| {
            device.ep().is_ok_and(|found| found == name) && device.hardware_device().ty() == kind
        })
    }

    /// The library's file.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// What the networks are computed with.
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// The library's version and build, for the records: recorded, never part of a fingerprint.
    pub fn version(&self) -> &'static str {
        ort::info()
    }

    /// The options of a session. Threads are explicit, and idle ones sleep instead of spinning: the pages share these cores.
    pub(super) fn builder(&self, intra_threads: usize, fixed_batch: bool) -> ort::Result<SessionBuilder> {
        let builder = Session::builder(&self.environment)?
            .with_parallel_execution(false)?
            .with_intra_threads(intra_threads)?
            .with_inter_threads(1)?
            .with_config_entry("session.intra_op.allow_spinning", "0")?
            .with_config_entry("session.inter_op.allow_spinning", "0")?
            // A pattern is kept per input shape; with batches of any size that only costs memory.
            .with_memory_pattern(fixed_batch)?;
        Ok(match (self.provider, &self.plugin) {
            (Provider::Cpu, _) => builder.with_auto_device(AutoDevicePolicy::PreferCPU)?,
            (Provider::OpenVino, Some(_)) => {
                let option =
                    |name: &str, value: usize| (format!("{}.{name}", ep::OpenVINO::NAME), value.to_string());
                let options = [option("num_of_threads", intra_threads), option("num_streams", 1)];
                builder.with_devices(self.devices(), Some(&options))?
            }
            (Provider::Cuda, Some(_)) => builder.with_devices(self.devices(), None)?,
            (Provider::OpenVino, None) => {
                let provider =
                    ep::OpenVINO::default().with_device_type("CPU").with_num_threads(intra_threads);
                builder.with_execution_providers([provider.build().error_on_failure()])?
            }
            (Provider::Cuda, None) => {
                builder.with_execution_providers([ep::CUDA::default().build().error_on_failure()])?
            }
        })
    }
}

impl Opened {
    fn new(library: PathBuf) -> Result<Self, RuntimeError> {
        let unusable = |reason: String| RuntimeError::Unusable { path: library.clone(), reason };
        let environment = ort::init_from(&library)
            .map_err(|error| unusable(error.to_string()))?
            .with_name("chronograde")
            .with_telemetry(false)
            .with_logger(Arc::new(log))
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Self { environment, library, plugin: None })
    }

    fn register(&mut self, provider: Provider, plugin: &Path) -> Result<(), RuntimeError> {
        let unusable =
            |error: ort::Error| RuntimeError::Unusable { path: plugin.to_owned(), reason: error.to_string() };
        self.environment.register_ep_library(provider.as_str(), plugin).map_err(unusable)?;
        self.plugin = Some(plugin.to_owned());
        Ok(())
    }
}

/// The library's messages go where ours go.
fn log(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Verbose | LogLevel::Info => tracing::trace!(category, location, "{message}"),
        LogLevel::Warning => tracing::info!(category, location, "{message}"),
        LogLevel::Error | LogLevel::Fatal => tracing::warn!(category, location, "{message}"),
    }
}
