//! The Android package, with Debian's tools: resources before the code, dex and signature after it.

use std::path::{Path, PathBuf};

use crate::shell::{Outcome, debian_packages, output, root, run, run_in};

use super::out;

const TOOLS: [(&str, &str); 5] = [
    ("/usr/bin/aapt", "aapt"),
    ("/usr/bin/zipalign", "zipalign"),
    ("/usr/bin/apksigner", "apksigner"),
    ("/usr/bin/zip", "zip"),
    (FRAMEWORK, "android-framework-res"),
];

/// Android's own resources, which the app's refer to.
const FRAMEWORK: &str = "/usr/share/android-framework-res/framework-res.apk";

/// Turns class files into Android's; of Google's d8, which Maven Central does not have, the forerunner.
const DEXER: &str = "com.jakewharton.android.repackaged:dalvik-dx:11.0.0_r3";

/// Compiles the resources: R.java for the code, the package for the screens' tests.
pub fn resources() -> Outcome {
    debian_packages(&TOOLS)?;
    let source = source();
    let (generated, config) = (out().join("gen"), out().join("test-config/com/android/tools"));
    for folder in [&generated, &config, &out().join("assets")] {
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let model = root().join("crates/mcdrl/assets/demo.safetensors");
    std::fs::copy(&model, out().join("assets/demo.safetensors"))
        .map_err(|e| format!("{}: {e}", model.display()))?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let package = text(&out().join("resources.apk"));
    let (manifest, res) = (text(&merged_manifest()?), text(&source.join("res")));
    let (generated, assets) = (text(&generated), text(&out().join("assets")));
    let command = ["package", "-f", "-m", "-J", &generated, "-M", &manifest, "-S", &res];
    run("aapt", &[&command[..], &["-A", &assets, "-I", FRAMEWORK, "-F", &package]].concat(), &[])?;
    let said = format!(
        "android_custom_package=com.mcdrl.pointofcare\nandroid_merged_manifest={manifest}\n\
         android_merged_resources={res}\nandroid_merged_assets={assets}\nandroid_resource_apk={package}\n"
    );
    let properties = config.join("test_config.properties");
    std::fs::write(&properties, said).map_err(|e| format!("{}: {e}", properties.display()))
}

/// Makes `mcdrl.apk` of the classes and resources, signs it with a key of this machine's and verifies it.
///
/// It holds no library of ours: that is linked with the NDK (mobile/android/README.md).
pub fn package() -> Outcome {
    let work = out().join("apk");
    let _ = std::fs::remove_dir_all(&work);
    let classes = work.join("classes");
    std::fs::create_dir_all(&classes).map_err(|e| format!("{}: {e}", classes.display()))?;
    for jar in jars()? {
        run_in(&classes, "jar", &["xf", &jar.to_string_lossy()], &[])?;
    }
    let ours = out().join("classes");
    run("cp", &["-r", &format!("{}/.", ours.display()), &classes.to_string_lossy()], &[])?;
    // What is for newer virtual machines, for other tools or for desktops.
    let prune = "rm -rf META-INF linux-* win32-* darwin-* *.safetensors; \
                 find . -name 'module-info.class' -delete; \
                 find . -path './com/sun/jna/*' ! -name '*.class' -type f -delete";
    run_in(&classes, "sh", &["-c", prune], &[])?;

    let (dexer, jar) = (dexer()?, work.join("app.jar"));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    run_in(&classes, "jar", &["cf", &text(&jar), "."], &[])?;
    let dex = format!("--output={}", work.display());
    let main = "com.android.dx.command.Main";
    let convert = ["-Xmx2g", "-cp", &dexer, main, "--dex", "--multi-dex", "--min-sdk-version=26"];
    run("java", &[&convert[..], &[&dex, &text(&jar)]].concat(), &[])?;

    let (unsigned, aligned) = (work.join("unsigned.apk"), work.join("aligned.apk"));
    std::fs::copy(out().join("resources.apk"), &unsigned)
        .map_err(|e| format!("{}: {e}", unsigned.display()))?;
    run_in(&work, "sh", &["-c", "zip -q unsigned.apk classes*.dex"], &[])?;
    run("zipalign", &["-f", "4", &text(&unsigned), &text(&aligned)], &[])?;
    let key = text(&key()?);
    let apk = text(&out().join("mcdrl.apk"));
    let sign = ["sign", "--ks", &key, "--ks-pass", "pass:android", "--out", &apk];
    run("apksigner", &[&sign[..], &[&text(&aligned)]].concat(), &[])?;
    run("apksigner", &["verify", "--verbose", &apk], &[])?;
    let badging = output("aapt", &["dump", "badging", &apk])?;
    let expected =
        ["package: name='com.mcdrl.pointofcare'", "sdkVersion:'26'", "targetSdkVersion:'34'"];
    if !expected.iter().all(|words| badging.contains(words)) || badging.contains("INTERNET") {
        return Err(format!("{apk} is not the app that it should be:\n{badging}"));
    }
    eprintln!("{apk}: signed and verified");
    Ok(())
}

/// The manifest with what Gradle would put into it.
fn merged_manifest() -> Result<PathBuf, String> {
    let read =
        |path: &Path| std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    let manifest = read(&source().join("AndroidManifest.xml"))?;
    let build = root().join("mobile/android/build.gradle.kts");
    let settings = read(&build)?;
    let setting = |name: &str| {
        let set =
            settings.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(" = "));
        set.map(|value| value.trim_matches('"').to_owned())
            .ok_or_else(|| format!("{}: there is no line `{name} = …`", build.display()))
    };
    let (start, rest) = manifest
        .split_once("<manifest ")
        .and_then(|(start, rest)| Some((start, rest.split_once('>')?)))
        .ok_or("AndroidManifest.xml: there is no element `manifest`")?;
    let merged = format!(
        "{start}<manifest {} package=\"{}\" android:versionCode=\"{}\" android:versionName=\"{}\">\n    \
         <uses-sdk android:minSdkVersion=\"{}\" android:targetSdkVersion=\"{}\" />{}",
        rest.0,
        setting("applicationId")?,
        setting("versionCode")?,
        setting("versionName")?,
        setting("minSdk")?,
        setting("targetSdk")?,
        rest.1,
    );
    let path = out().join("AndroidManifest.xml");
    std::fs::write(&path, merged).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

fn source() -> PathBuf {
    root().join("mobile/android/src/main")
}

/// The libraries that Maven has put together.
fn jars() -> Result<Vec<PathBuf>, String> {
    let folder = out().join("libraries");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

/// The path of the dexer's jar.
fn dexer() -> Result<String, String> {
    let folder = out().join("dexer").to_string_lossy().into_owned();
    let artifact = format!("-Dartifact={DEXER}");
    let to = format!("-DoutputDirectory={folder}");
    let plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";
    run("mvn", &["-q", "-B", &format!("{plugin}:copy"), &artifact, &to], &[])?;
    Ok(format!("{folder}/dalvik-dx-11.0.0_r3.jar"))
}

/// A key that says that the package was not changed since it left this machine, and nothing more.
fn key() -> Result<PathBuf, String> {
    let key = out().join("debug.keystore");
    if !key.exists() {
        let make = ["-genkeypair", "-keystore", &key.to_string_lossy(), "-storepass", "android"];
        let kind = ["-alias", "debug", "-keyalg", "RSA", "-keysize", "2048", "-validity", "10000"];
        run("keytool", &[&make[..], &kind, &["-dname", "CN=debug"]].concat(), &[])?;
    }
    Ok(key)
}
