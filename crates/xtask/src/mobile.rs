//! `cargo xtask mobile`: the apps, as far as they can be tested without a phone, a Mac or an NDK.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::bindings::{kotlin, swift, with_swift};
use crate::workspace::{debian, root};

/// Tests both apps. Writes `mobile/mcdrl.apk` and `mobile/screens/*.png` in the clone's target folder.
pub fn mobile(sh: &Shell) -> Result<()> {
    kotlin(sh, "dev", &["-DskipTests"])?;
    debian(sh, &["aapt", "zipalign", "apksigner", "zip", "android-framework-res"])?;
    let out = &root().join("target/mobile"); // always inside the clone
    sh.remove_path(out)?;
    resources(sh, out)?;
    cmd!(sh, "mvn -B -ntp -f mobile/android -Dmcdrl.build={out} package").run()?;
    package(sh, out)?;
    swift(sh, "mobile/ios/PointOfCare", "dev")?;
    let types = out.join("swift-types").display().to_string();
    with_swift(sh, "mobile/ios", "dev", &["bash", "typecheck.sh", &types])
}

/// Compiles the resources: R.java for the code, and a package for the tests of the screens.
fn resources(sh: &Shell, out: &Path) -> Result<()> {
    let source = root().join("mobile/android/src/main");
    let (code, assets, package) = (out.join("gen"), out.join("assets"), out.join("resources.apk"));
    sh.create_dir(&code)?;
    sh.create_dir(&assets)?;
    sh.copy_file("crates/mcdrl/assets/demo.safetensors", &assets)?;
    // Gradle puts these settings into the manifest.
    let gradle = sh.read_file("mobile/android/build.gradle.kts")?;
    let lines = gradle.lines().filter_map(|line| line.trim().split_once(" = "));
    let set: HashMap<_, _> = lines.map(|(name, value)| (name, value.trim_matches('"'))).collect();
    let sdk = ["--min-sdk-version", set["minSdk"], "--target-sdk-version", set["targetSdk"]];
    let version = ["--version-code", set["versionCode"], "--version-name", set["versionName"]];
    let package_name = format!("<manifest package=\"{}\"", set["applicationId"]);
    let manifest = sh.read_file(source.join("AndroidManifest.xml"))?;
    let (merged, res) = (out.join("AndroidManifest.xml"), source.join("res"));
    sh.write_file(&merged, manifest.replacen("<manifest", &package_name, 1))?;
    let system = ["-I", "/usr/share/android-framework-res/framework-res.apk", "-F"];
    let aapt = cmd!(sh, "aapt package -f -m -J {code} -M {merged} -S {res} -A {assets}");
    Ok(aapt.args(system).arg(&package).args(sdk).args(version).run()?)
}

/// Makes, signs and verifies `mcdrl.apk`. It does not contain our library, because the NDK links it.
fn package(sh: &Shell, out: &Path) -> Result<()> {
    let _out = sh.push_dir(out);
    let jars = sh.read_dir("libraries")?;
    for jar in &jars {
        // The dexer does not know the classes of newer virtual machines.
        cmd!(sh, "zip -q -d {jar} META-INF/* module-info.class").ignore_status().run()?;
    }
    // Maven Central lacks Google's d8; this is its predecessor.
    let dx = "-Dartifact=com.jakewharton.android.repackaged:dalvik-dx:11.0.0_r3";
    let plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
    cmd!(sh, "mvn -q -B {plugin} {dx} -DoutputDirectory=.").run()?;
    let dexer = ["-Xmx2g", "-cp", "dalvik-dx-11.0.0_r3.jar", "com.android.dx.command.Main"];
    let options = ["--dex", "--multi-dex", "--min-sdk-version=26", "--output=."];
    cmd!(sh, "java {dexer...} {options...} classes {jars...}").run()?;
    sh.copy_file("resources.apk", "unsigned.apk")?;
    cmd!(sh, "sh -c 'zip -q unsigned.apk classes*.dex'").run()?;
    cmd!(sh, "zipalign -f 4 unsigned.apk mcdrl.apk").run()?;
    let kind = ["-keyalg", "RSA", "-keysize", "2048", "-validity", "10000", "-dname", "CN=debug"];
    let key = ["-keystore", "debug.keystore", "-storepass", "android", "-alias", "debug"];
    cmd!(sh, "keytool -genkeypair {key...} {kind...}").run()?;
    cmd!(sh, "apksigner sign --ks debug.keystore --ks-pass pass:android mcdrl.apk").run()?;
    cmd!(sh, "apksigner verify --verbose mcdrl.apk").run()?;
    let about = cmd!(sh, "aapt dump badging mcdrl.apk").read()?;
    let expected = ["name='com.mcdrl.pointofcare'", "\nsdkVersion:'26'", "targetSdkVersion:'34'"];
    let complete = expected.iter().all(|words| about.contains(words));
    ensure!(complete && !about.contains("INTERNET"), "mcdrl.apk is not as expected:\n{about}");
    Ok(())
}
