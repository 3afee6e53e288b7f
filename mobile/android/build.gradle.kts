// The build for Android Studio. Continuous integration builds the same sources with pom.xml, without an Android SDK.
plugins {
    id("com.android.application") version "8.7.3"
    kotlin("android") version "2.2.20"
}

val model = tasks.register<Copy>("model") {
    from("../../crates/mcdrl/assets/demo.safetensors")
    into(layout.buildDirectory.dir("model"))
}

android {
    namespace = "com.mcdrl.pointofcare"
    compileSdk = 34

    defaultConfig {
        applicationId = "com.mcdrl.pointofcare"
        minSdk = 26
        targetSdk = 34
        versionCode = 1
        versionName = "0.1.0"
        ndk { abiFilters += listOf("arm64-v8a", "x86_64") }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_1_8
        targetCompatibility = JavaVersion.VERSION_1_8
    }

    kotlinOptions { jvmTarget = "1.8" }

    sourceSets["main"].apply {
        kotlin.srcDirs("src/main/kotlin", "../../bindings/kotlin/src/main/kotlin")
        assets.srcDir(layout.buildDirectory.dir("model").get().asFile)
        // `cargo ndk` writes the libraries here: see README.md.
        jniLibs.srcDir("jniLibs")
    }
    // Maven runs the tests.
    sourceSets["test"].kotlin.setSrcDirs(emptyList<String>())
}

// A source set does not depend on the task that fills it.
tasks.named("preBuild") { dependsOn(model) }

dependencies {
    implementation("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.10.2")
    implementation("net.java.dev.jna:jna:5.17.0@aar")
}
