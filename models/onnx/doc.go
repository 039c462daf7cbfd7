// Package onnx opens ONNX files as networks.
package onnx
